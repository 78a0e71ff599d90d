"""Files are read by the lender where this process may not, and no others."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import files


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Forget what was seen and lent: it is the process's own."""
    seen, lent = set(files._seen), list(files._lent)  # noqa: SLF001
    files._seen.clear()  # noqa: SLF001
    yield
    files._seen.clear()  # noqa: SLF001
    files._seen.update(seen)  # noqa: SLF001
    files._lent[:] = lent  # noqa: SLF001


class Lender:
    """Opens any file, and says which."""

    def __init__(self) -> None:
        """Nothing was opened yet."""
        self.opened: list[str] = []

    def open(self, path: str, flags: int) -> int:
        """Open a file."""
        self.opened.append(os.fspath(path))
        return os.open(path, flags)


def test_what_is_opened_or_expected_is_seen(tmp_path: Path) -> None:
    """There or not."""
    there, not_there = tmp_path / "a", tmp_path / "b"
    there.write_bytes(b"content")
    with files.open_binary(there) as file:
        assert file.read() == b"content"
    with pytest.raises(FileNotFoundError):
        files.open_binary(not_there)
    files.expect(tmp_path / "c")

    assert files.seen() == {str(tmp_path / name) for name in "abc"}


def test_the_lender_opens_from_then_on(tmp_path: Path) -> None:
    """And nothing more is seen: what it may open is settled."""
    (tmp_path / "a").write_bytes(b"content")
    lender = Lender()
    files.lend(lender.open)
    with files.open_binary(tmp_path / "a") as file:
        assert file.read() == b"content"

    assert lender.opened == [str(tmp_path / "a")]
    assert files.seen() == set()


def test_the_status_is_our_own_where_we_may_look(tmp_path: Path) -> None:
    """Of a link, if asked for."""
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to("a")
    lender = Lender()
    files.lend(lender.open)

    assert files.status_of(tmp_path / "link").st_size == 7
    assert files.status_of(tmp_path / "link", follow_symlinks=False).st_size == 1
    assert lender.opened == []
    with pytest.raises(FileNotFoundError):
        files.status_of(tmp_path / "b")


class Barred(type(Path())):  # type: ignore[misc]  # the class differs by system
    """A path that this process may not look at."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Refuse."""
        raise PermissionError(13, "no", str(self))


def test_the_lender_looks_where_we_may_not(tmp_path: Path) -> None:
    """Nobody else, if there is no lender."""
    (tmp_path / "a").write_bytes(b"content")
    with pytest.raises(PermissionError):
        files.status_of(Barred(tmp_path / "a"))
    lender = Lender()
    files.lend(lender.open)

    assert files.status_of(Barred(tmp_path / "a")).st_size == 7
    assert lender.opened == [str(tmp_path / "a")]
