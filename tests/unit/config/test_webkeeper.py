"""Rules of rereading: the newest that can be used, and never a door left open."""

import os
from pathlib import Path

import pytest

from exporter.config.webkeeper import AccessKeeper
from exporter.errors import ConfigError
from tests.fakes.certificates import HASH, TLS, authority, signed

USERS = f"basic_auth_users:\n  a: {HASH}\n"


class Kept:
    """A keeper, and what it told."""

    def __init__(self, path: Path) -> None:
        self.told: list[tuple[str, ...]] = []
        self.keeper = AccessKeeper(path, self.told.append)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with certificates."""
    signed(tmp_path, authority(tmp_path), "server")
    return tmp_path


def replaced(path: Path, text: str) -> Path:
    """Put a file in the place of another, as careful editors do."""
    new = path.with_name("new")
    new.write_text(text)
    return new.replace(path)


def test_a_change_is_in_force_at_once(folder: Path) -> None:
    """And told once."""
    path = replaced(folder / "web.yml", USERS)
    kept = Kept(path)

    replaced(path, USERS + f"  b: {HASH}\n")

    assert ["a", "b"] == sorted(kept.keeper.current().users)
    assert ["a", "b"] == sorted(kept.keeper.current().users)
    assert [()] == kept.told


def test_what_does_not_change_is_not_read_again(folder: Path) -> None:
    """The rules stay the same object, TLS context included."""
    kept = Kept(replaced(folder / "web.yml", TLS))

    assert kept.keeper.current() is kept.keeper.current()
    assert [] == kept.told


def test_a_changed_certificate_is_a_change(folder: Path) -> None:
    """Its own file is looked at too."""
    kept = Kept(replaced(folder / "web.yml", TLS))
    before = kept.keeper.current()

    other = signed(folder, authority(folder, "second"), "renewed")
    other.key.replace(folder / "server.key")
    kept.keeper.current()
    other.cert.replace(folder / "server.pem")

    assert kept.keeper.current().tls is not before.tls
    # Between the two files they did not belong together.
    assert [1, 0] == [len(one) for one in kept.told]
    assert "does not belong to the certificate" in kept.told[0][0]


def test_a_broken_file_changes_nothing(folder: Path) -> None:
    """It is told once; the older rules stay; the mended file is in force."""
    path = replaced(folder / "web.yml", USERS)
    kept = Kept(path)

    replaced(path, "basic_auth_users: {a: plain}\n")
    assert HASH.encode() == kept.keeper.current().users["a"]
    kept.keeper.current()
    replaced(path, "basic_auth_users: {a: plain}\n")
    kept.keeper.current()
    assert 1 == len(kept.told)

    replaced(path, USERS)
    kept.keeper.current()
    assert [1, 0] == [len(one) for one in kept.told]


def test_a_file_that_is_gone(folder: Path) -> None:
    """The rules stay."""
    path = replaced(folder / "web.yml", USERS)
    kept = Kept(path)

    path.unlink()

    assert kept.keeper.current().users
    assert "cannot be read" in kept.told[0][0]


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        (USERS, "", "basic_auth_users"),
        (TLS, "", "tls_server_config"),
        (
            (
                f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n"
                "  client_ca_file: ca.pem\n"
            ),
            TLS,
            "tls_server_config.client_auth_type",
        ),
        (
            (
                f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n"
                "  client_ca_file: ca.pem\n  client_allowed_sans: [x]\n"
            ),
            (
                f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n"
                "  client_ca_file: ca.pem\n"
            ),
            "tls_server_config.client_allowed_sans",
        ),
    ],
    ids=["passwords", "TLS", "client certificates", "names of clients"],
)
def test_a_file_half_written_opens_nothing(
    folder: Path, before: str, after: str, key: str
) -> None:
    """Rules are not taken away while it runs: the file may be on its way to more."""
    path = replaced(folder / "web.yml", before)
    kept = Kept(path)
    rules = kept.keeper.current()

    os.truncate(path, 0)
    path.write_text(after)

    assert rules is kept.keeper.current()
    assert (f"{path}: {key}: is taken away; that needs a restart",) == kept.told[-1]


def test_a_broken_file_at_the_start(folder: Path) -> None:
    """There is nothing to go on with."""
    with pytest.raises(ConfigError):
        AccessKeeper(replaced(folder / "web.yml", "nonsense: 1"), print)
