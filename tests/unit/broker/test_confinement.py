"""Whom to become, and whether that one could read our own files."""

import os
import pwd
from pathlib import Path

import pytest

from exporter.broker import confinement

NOBODY = 65534


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("root", (0, 0)),
        ("0", (0, 0)),
        ("3999999999", (3999999999, 3999999999)),
    ],
)
def test_users_are_names_or_numbers(user: str, expected: tuple[int, int]) -> None:
    """A number needs no entry in the system's list."""
    assert confinement._entry(user) == expected  # noqa: SLF001


def test_a_number_has_the_group_of_its_user() -> None:
    """If the system knows one."""
    found = pwd.getpwuid(os.geteuid())
    number = str(found.pw_uid)

    assert confinement._entry(number) == (found.pw_uid, found.pw_gid)  # noqa: SLF001


def test_a_user_that_is_none_is_told() -> None:
    """By its name, and nothing is changed."""
    before = os.getresuid(), os.getresgid(), os.getgroups()
    said = [*confinement._change_user("nosuchuser", ())]  # noqa: SLF001

    assert len(said) == 1
    assert "there is no user 'nosuchuser'; set process.user" in said[0]
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


@pytest.mark.parametrize(
    ("mode", "inside", "expected"),
    [
        pytest.param(0o755, 0o755, True, id="all of it"),
        pytest.param(0o100, 0o500, True, id="passed through"),
        pytest.param(0o700, 0o100, False, id="not listed"),
        pytest.param(0o600, 0o700, False, id="not passed"),
        pytest.param(0o700, 0o400, False, id="not entered"),
    ],
)
def test_a_folder_is_readable_by_every_folder_on_the_way(
    tmp_path: Path, mode: int, inside: int, expected: bool
) -> None:
    """Passing needs less than reading; here of the owner, which all of it has."""
    way = tmp_path / "way"
    folder = way / "folder"
    folder.mkdir(parents=True)
    folder.chmod(inside)
    way.chmod(mode)
    found = confinement._may_read(folder, os.geteuid(), os.getegid())  # noqa: SLF001
    way.chmod(0o700)
    folder.chmod(0o700)

    assert found is expected


def test_a_folder_that_is_not_there_is_not_readable(tmp_path: Path) -> None:
    """Nor one below it."""
    assert not confinement._may_read(tmp_path / "x" / "y", NOBODY, NOBODY)  # noqa: SLF001


def test_owner_and_group_count_before_others(tmp_path: Path) -> None:
    """As in the kernel: the first that fits decides."""
    tmp_path.chmod(0o057)
    found = tmp_path.stat()
    allows = confinement._allows  # noqa: SLF001

    assert not allows(tmp_path, found.st_uid, found.st_gid, 0o5)
    assert allows(tmp_path, found.st_uid + 1, found.st_gid, 0o5)
    assert not allows(tmp_path, found.st_uid + 1, found.st_gid, 0o7)
    assert allows(tmp_path, found.st_uid + 1, found.st_gid + 1, 0o7)
    tmp_path.chmod(0o700)
