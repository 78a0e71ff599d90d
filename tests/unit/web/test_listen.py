"""Rules of listening: all or nothing, and one clear line."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter.errors import ListenError
from exporter.web.listen import listen


@contextlib.contextmanager
def listening(addresses: Sequence[tuple[str, int]]) -> Iterator[list[socket.socket]]:
    """Listen, and close at the end."""
    with contextlib.ExitStack() as opened:
        sockets = listen(addresses)
        for one in sockets:
            opened.enter_context(one)
        yield sockets


def refusal(addresses: Sequence[tuple[str, int]]) -> str:
    """Return the line of the error."""
    with pytest.raises(ListenError) as caught:
        listen(addresses)
    return str(caught.value)


def test_both_families() -> None:
    """IPv4 and IPv6 addresses are listened on beside each other."""
    with listening([("127.0.0.1", 0), ("::1", 0)]) as sockets:
        for one in sockets:
            with socket.create_connection(one.getsockname()[:2], timeout=5):
                pass

        assert [socket.AF_INET, socket.AF_INET6] == [one.family for one in sockets]


def test_a_name_is_all_its_addresses() -> None:
    """A name is resolved once, here."""
    with listening([("localhost", 0)]) as sockets:
        hosts = {one.getsockname()[0] for one in sockets}

        assert hosts
        assert hosts <= {"127.0.0.1", "::1"}


def test_every_interface() -> None:
    """An empty host is every interface of both families, on sockets of their own."""
    with listening([("", 0)]) as sockets:
        hosts = {one.getsockname()[0] for one in sockets}

        assert {"0.0.0.0", "::"} == hosts


def test_every_interface_on_one_port() -> None:
    """The IPv6 socket leaves IPv4 to the other one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    with listening([("", port)]) as sockets:
        assert [port, port] == [one.getsockname()[1] for one in sockets]


def test_a_port_in_use() -> None:
    """What is wrong and what can be done is one line."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        assert refusal([("127.0.0.1", port)]) == (
            f"cannot listen on 127.0.0.1:{port} (Address already in use); stop what "
            "uses it, or choose another with --web.listen-address"
        )


def test_our_own_port_is_in_use_too() -> None:
    """A second exporter cannot share the port of the first before it serves."""
    with listening([("127.0.0.1", 0)]) as (first,):
        port = first.getsockname()[1]

        assert f"127.0.0.1:{port} (Address already in use)" in refusal(
            [("127.0.0.1", port)]
        )


def test_all_or_nothing() -> None:
    """If one address fails, the others are free again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = probe.getsockname()[1]

        refusal([("127.0.0.1", free), ("127.0.0.1", taken)])

        with listening([("127.0.0.1", free)]):
            pass


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("192.0.2.1", 1), "192.0.2.1:1 (Cannot assign requested address)"),
        (("2001:db8::1", 1), "[2001:db8::1]:1 (Cannot assign requested address)"),
        (("a" * 64, 1), f"{'a' * 64}:1 (not a host name)"),
    ],
    ids=["foreign IPv4 address", "foreign IPv6 address", "no name"],
)
def test_addresses_that_are_not_ours(address: tuple[str, int], expected: str) -> None:
    """The system's own words say why."""
    assert f"cannot listen on {expected};" in refusal([address])


def test_a_name_that_does_not_exist() -> None:
    """The resolver's words say why."""
    assert "cannot listen on no-such-host.invalid:1 (" in refusal(
        [("no-such-host.invalid", 1)]
    )


def test_answers_do_not_wait_for_an_acknowledgement() -> None:
    """An accepted connection sends what there is: TLS is several parts."""
    with (
        listening([("127.0.0.1", 0)]) as (one,),
        socket.create_connection(one.getsockname(), timeout=5),
    ):
        accepted, _ = one.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class TestUnixSockets:
    """Addresses that are files."""

    def test_listens_there(self, tmp_path: Path) -> None:
        """With the permissions that are asked for."""
        path = tmp_path / "web.sock"

        with listening([(f"unix:{path}", 0)]):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
            assert 0o660 == path.stat().st_mode & 0o777

    def test_a_mode(self, tmp_path: Path) -> None:
        """Whatever the process's mask is."""
        path = tmp_path / "web.sock"
        (one,) = listen([(f"unix:{path}", 0)], 0o666)
        one.close()

        assert 0o666 == path.stat().st_mode & 0o777

    def test_what_was_left_behind(self, tmp_path: Path) -> None:
        """A socket of a process that is gone is replaced."""
        path = tmp_path / "web.sock"
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(path))

        with listening([(f"unix:{path}", 0)]), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))

    def test_one_in_use(self, tmp_path: Path) -> None:
        """It stays, and what is wrong is said."""
        path = tmp_path / "web.sock"
        with listening([(f"unix:{path}", 0)]):
            assert f"cannot listen on unix:{path} (Address already in use)" in refusal(
                [(f"unix:{path}", 0)]
            )
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))

    def test_what_is_no_socket(self, tmp_path: Path) -> None:
        """Nobody's file is removed."""
        path = tmp_path / "file"
        path.write_text("mine")

        assert "(File exists)" in refusal([(f"unix:{path}", 0)])
        assert "mine" == path.read_text()

    def test_no_folder(self, tmp_path: Path) -> None:
        """The system's words say why."""
        assert "(No such file or directory)" in refusal(
            [(f"unix:{tmp_path}/none/web.sock", 0)]
        )
