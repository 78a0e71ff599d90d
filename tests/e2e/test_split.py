"""The two processes of `run`, as an operator has them: installed where all may read.

There is no engine here; beside one they are in tests/engine/test_split.py.
"""

import os
import pwd
import signal
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest

from tests.fakes.certificates import HASH, TLS, Pair, authority, signed
from tests.lab import service
from tests.lab.namespaces import namespaces_missing
from tests.lab.processes import wait_for_end
from tests.lab.rights import held, nothing, status_of
from tests.lab.service import Service

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(90),
    pytest.mark.skipif(namespaces_missing() is not None, reason="needs root"),
]
NOBODY = pwd.getpwnam("nobody")
SOON_S = 1.0

Start = Callable[..., AbstractContextManager[Service]]


@pytest.fixture
def start(installed_python: Path) -> Iterator[Start]:
    """Start the service, with a folder that is root's alone."""
    with TemporaryDirectory(prefix="dockernet-") as folder:

        def started(
            *arguments: str, under: Sequence[str] = (), **variables: str
        ) -> AbstractContextManager[Service]:
            environment = {"DOCKER_HOST": f"unix://{folder}/no-engine.sock"}
            return service.running(
                *arguments,
                environment=environment | variables,
                under=under,
                python=installed_python,
            )

        yield started


class TestRights:
    """What the process that speaks HTTP has left."""

    def test_nothing(self, start: Start) -> None:
        """In any of its threads; the other one is what it was started as."""
        with start(under=("setpriv", "--groups=999")) as service:
            service.get()
            other = status_of(service.broker)

            assert nothing(NOBODY.pw_uid, NOBODY.pw_gid) == held(service.pid)
            assert "privileges.kept" not in "\n".join(service.log)
            assert ("0", "999") == (other["Uid"][0], other["Groups"])
            assert int(other["CapEff"], 16)

    def test_another_user(self, start: Start) -> None:
        """By number, for which there need be no entry."""
        with start(DOCKERNET_PROCESS_USER="61000") as service:
            assert nothing(61000, 61000) == held(service.pid)

    def test_what_is_loaded_late(self, start: Start, tmp_path: Path) -> None:
        """The page's template and what checks passwords are read by nobody."""
        web = tmp_path / "web.yml"
        web.write_text(f"basic_auth_users:\n  somebody: {HASH}\n")
        password = b64encode(b"somebody:secret").decode()

        with start(f"--web.config.file={web}") as service:
            page = service.get("", authorization=f"Basic {password}")

        assert page.startswith(b"<!doctype html>")

    def test_one_process(self, start: Start) -> None:
        """Where that is wanted; it keeps all."""
        with start(DOCKERNET_PROCESS_SPLIT="false") as service:
            service.get()
            status = status_of(service.pid)

            assert [] == service.children
            assert ("0", True) == (status["Uid"][0], int(status["CapEff"], 16) > 0)


def without(*capabilities: str) -> tuple[str, ...]:
    """Return a command that becomes another, without capabilities."""
    lacking = ",".join(f"-{name}" for name in capabilities)
    return ("setpriv", f"--bounding-set={lacking}", f"--inh-caps={lacking}")


STAYS = "the process that speaks HTTP stays "
KEPT = {
    "CAP_SETGID": (without("setgid"), {}, f"{STAYS}in its groups: grant CAP_SETGID"),
    "CAP_SETUID": (without("setuid"), {}, f"{STAYS}root: grant CAP_SETUID"),
    "a group of its own": (
        ("setpriv", "--reuid=nobody", "--regid=1", "--clear-groups"),
        {},
        f"{STAYS}in its groups: grant CAP_SETGID",
    ),
    "the user": (
        (),
        {"DOCKERNET_PROCESS_USER": "no-such-user"},
        f"{STAYS}root: there is no user 'no-such-user'; set process.user",
    ),
    "a folder that it may read": (
        (),
        {"PYTHONPATH": "/root"},
        f"{STAYS}root: nobody may not read /root; install it where all may",
    ),
}


@pytest.mark.parametrize("missing", KEPT)
def test_what_cannot_be_given_up_is_said(start: Start, missing: str) -> None:
    """All else is given up, and it serves."""
    under, variables, says = KEPT[missing]

    with start(under=under, **variables) as service:
        service.get()
        lines = [line for line in service.log if "privileges.kept" in line]
        (kept,) = held(service.pid)

    assert [f'"{says}"'] == [line.partition("problem=")[2] for line in lines]
    assert ("0" if "stays root" in says else str(NOBODY.pw_uid)) == kept[0].split()[0]
    assert nothing(0, 0).pop()[3:] == kept[3:]


REFUSING = """
import ctypes, os, struct, sys
number, *command = sys.argv[1:]
code = b"".join(struct.pack("=HBBI", *one) for one in (
    (0x20, 0, 0, 0),            # the call's number
    (0x15, 0, 1, int(number)),  # unless it is this one, pass over
    (0x06, 0, 0, 0x50001),      # EPERM
    (0x06, 0, 0, 0x7FFF0000),   # allowed
))
memory = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HP", 4, ctypes.addressof(memory))
assert ctypes.CDLL(None).prctl(22, 2, ctypes.c_char_p(program)) == 0  # PR_SET_SECCOMP
os.execvp(command[0], command)
"""
"""Becomes another command under a filter by which one system call is not permitted."""


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(444, "write files (landlock: EPERM)", id="landlock"),
        pytest.param(
            317,
            "make system calls that it has no need of (seccomp: EPERM)",
            id="seccomp",
        ),
    ],
)
def test_a_kernel_that_cannot_is_named(
    start: Start, installed_python: Path, call: int, says: str
) -> None:
    """As one that is too old, or a container's profile."""
    under = (str(installed_python), "-c", REFUSING, str(call))

    with start(under=under) as service:
        service.get()
        lines = [line for line in service.log if "privileges.kept" in line]

    assert [f'"the process that speaks HTTP may {says}"'] == [
        line.partition("problem=")[2] for line in lines
    ]


class TestTheEnd:
    """Of either process."""

    def test_the_one_with_the_privileges_is_killed(self, start: Start) -> None:
        """The other one says so, and ends with an error."""
        with start() as service:
            os.kill(service.broker, signal.SIGKILL)
            status = service.wait(5)
            said = [line for line in service.log if "service.failed" in line]

        assert (1, 1) == (status, len(said))
        assert "has ended; start it again" in said[0]
        assert "service.stopped" in service.log[-1]

    def test_the_one_that_speaks_http_is_killed(self, start: Start) -> None:
        """The other one is gone within a second, with the socket's name."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "web.sock")
            listens = ("127.0.0.1:0", f"unix:{path}")
            with start(*(f"--web.listen-address={one}" for one in listens)) as service:
                broker = service.broker
                assert path.is_socket()
                service.signal(signal.SIGKILL)
                gone = wait_for_end(broker, SOON_S)
                status = service.wait(5)

            assert (True, -signal.SIGKILL) == (gone, status)
            assert not path.exists()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("whom", ["one", "group"])
    def test_it_is_asked_to_end(
        self, start: Start, number: signal.Signals, whom: str
    ) -> None:
        """Alone, or with all of its group as a terminal and systemd do."""
        with start() as service:
            broker = service.broker
            if whom == "group":
                os.killpg(service.pid, number)
            else:
                service.signal(number)
            status = service.wait(5)
            gone = wait_for_end(broker, SOON_S)

        assert (0, True) == (status, gone)
        assert "service.failed" not in "\n".join(service.log)


@pytest.fixture
def private() -> Iterator[Path]:
    """Return a folder that is root's alone."""
    with TemporaryDirectory(prefix="dockernet-") as folder:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        yield Path(folder)


class TestPrivateFiles:
    """Files of the configuration that the process that speaks HTTP may not read."""

    def test_a_renewed_certificate_is_served(self, start: Start, private: Path) -> None:
        """And the web configuration file is read again; another file is not."""
        ca = authority(private)
        server = signed(private, ca, "server")
        web = private / "web.yml"
        web.write_text(TLS)
        with start(f"--web.config.file={web}") as service:
            port = urlsplit(service.url).port
            before = served(port, ca)
            again = signed(private, ca, "again")
            again.key.replace(server.key)
            again.cert.replace(server.cert)
            after = served(port, ca)
            service.wait_for_log(lambda line: "web_config.reloaded" in line)
            other = signed(private, ca, "other")
            web.write_text(TLS.replace("server.", "other."))
            still = served(port, ca)
            line = service.wait_for_log(lambda text: "web_config.rejected" in text)

        assert ("server", "again", "again") == (before, after, still)
        assert f"{other.cert} cannot be read: Permission denied" in line

    def test_the_configuration_is_read_again(self, start: Start, private: Path) -> None:
        """By SIGHUP, with its mistakes."""
        file = private / "config.yaml"
        file.write_text("probe:\n  interval: 30s\n")
        with start(f"--config.file={file}") as service:
            file.write_text("probe:\n  interval: 20s\n")
            service.signal(signal.SIGHUP)
            service.wait_for_log(lambda line: "config.reloaded" in line)
            file.write_text("probe:\n  interwal: 20s\n")
            service.signal(signal.SIGHUP)
            line = service.wait_for_log(lambda text: "config.rejected" in text)

        assert f"{file}:2: " in line


HANG_UP_EARLY = """
{
    until grep -q '^SigBlk:.*[13579bdf]$' /proc/$$/status; do [ -e /proc/$$ ]; done
    kill -HUP $$
} &
exec "$@"
"""
"""Bit 0 of the mask is SIGHUP (proc_pid_status(5))."""


def test_a_hangup_waits_for_the_service(start: Start) -> None:
    """It comes while the program is loaded, which it would end, and is heeded later."""
    with start(under=("sh", "-euc", HANG_UP_EARLY, "sh")) as service:
        service.wait_for_log(lambda line: "config.reloaded" in line)

        assert service.stop() == 0


def served(port: int | None, by: Pair) -> str:
    """Return the subject of the certificate that a port shows."""
    context = ssl.create_default_context(cafile=by.cert)
    with (
        socket.create_connection(("127.0.0.1", port or 0)) as client,
        context.wrap_socket(client, server_hostname="localhost") as encrypted,
    ):
        found = encrypted.getpeercert()
    assert found is not None
    return str(dict(one[0] for one in found["subject"])["commonName"])  # type: ignore[misc]
