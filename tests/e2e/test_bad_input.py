"""What can be wrong before anything is measured: one clear line and an exit status.

No traceback, no Python in the words, and it ends in bounded time.
"""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.engine_socket import Conversation, EngineSocket, Respond
from tests.lab.exporter import Ran, run_exporter, starting

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

NOWHERE = "unix:///nowhere/docker.sock"
USAGE, UNMEASURED, INTERRUPTED = 2, 3, 130
LONGEST_S = 15.0
"""A request waits up to 10 s; on a busy machine the rest takes a few more."""


def assert_one_line(ran: Ran, status: int, words: str) -> None:
    """Assert that a command ended with a status and one line that says why."""
    assert (status, "") == (ran.status, ran.out)
    (line,) = ran.err.splitlines()
    assert line.startswith("error: ")
    assert re.search(words, line), line
    assert not re.search(r"Traceback|Error\(|Errno|Exception|<.* object", line), line
    assert LONGEST_S > ran.took_s


class TestNoEngine:
    """Nothing that answers."""

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            pytest.param(NOWHERE, "no such file or directory", id="no socket"),
            pytest.param(
                "unix:///etc/passwd", "connection refused", id="no socket at all"
            ),
            pytest.param("tcp://127.0.0.1:1", "connection refused", id="closed port"),
        ],
    )
    def test_is_told_with_address_and_reason(self, address: str, words: str) -> None:
        """And what to do."""
        ran = run_exporter("check", engine=address)

        words = rf"no Docker engine answers at {address} \({words}\); start it, or"
        assert_one_line(ran, UNMEASURED, words)

    def test_ssh_needs_a_package(self) -> None:
        """It is named; nobody is told to start an engine."""
        ran = run_exporter("check", engine="ssh://nobody@127.0.0.1:1")

        words = r"ssh://nobody@127\.0\.0\.1:1 cannot be used .*paramiko.*; check"
        assert_one_line(ran, UNMEASURED, words)

    def test_absent_certificates(self) -> None:
        """The same."""
        ran = run_exporter(
            "check",
            engine="tcp://127.0.0.1:1",
            environment={"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nowhere"},
        )

        words = r"tcp://127\.0\.0\.1:1 cannot be used .*certificate.*DOCKER_CERT_PATH"
        assert_one_line(ran, UNMEASURED, words)

    @pytest.mark.parametrize("address", ["npipe:////./pipe/docker", "tcp://[::1"])
    def test_an_address_that_is_none(self, address: str) -> None:
        """Bad usage, whoever says it."""
        ran = run_exporter("check", engine=address)

        assert_one_line(ran, USAGE, "DOCKER_HOST: engine.host: must be an address")


def _garbage(to: Conversation) -> None:
    to.wfile.write(b"\x00\xff\x1b[31mhello\r\n" * 9)
    to.close_connection = True


def _truncated(to: Conversation) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "500")
    to.end_headers()
    to.wfile.write(b'{"ApiVersion": "1.4')
    to.close_connection = True


def _hung_up(to: Conversation) -> None:
    to.close_connection = True


def _answer(body: bytes, status: int = 200) -> Respond:
    return lambda to: to.body(body, status=status)


class TestStrangeEngine:
    """Something answers that is no engine, or a broken one."""

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[EngineSocket]:
        """Serve a socket that answers as a test wants."""
        with EngineSocket(tmp_path) as server:
            yield server

    @pytest.mark.parametrize(
        ("respond", "words"),
        [
            pytest.param(_garbage, "does not speak HTTP", id="garbage"),
            pytest.param(_truncated, "its answer ended early", id="truncated"),
            pytest.param(_hung_up, "hung up without an answer", id="hangs up"),
            pytest.param(
                _answer(b"<html>"), r"/version .*\(not JSON\)", id="a web page"
            ),
            pytest.param(
                _answer(b'{"ApiV'), r"/version .*\(not JSON\)", id="half JSON"
            ),
            pytest.param(_answer(b"null"), r"/version .*no ApiVersion", id="null"),
            pytest.param(
                _answer(b'{"ApiVersion": "x"}'), "/version", id="a version that is none"
            ),
            pytest.param(_answer(b"[" * 99999), "nested too deeply", id="very deep"),
            pytest.param(
                _answer(b'{"message": "no\\n\\u001b[31m"}', 500),
                r"/version .*HTTP 500 no \\x1b\[31m",
                id="an error with escapes",
            ),
        ],
    )
    def test_first_answer(
        self, engine: EngineSocket, respond: Respond, words: str
    ) -> None:
        """What cannot be used is said with the request or the reason."""
        engine.script["/version"] = respond

        ran = run_exporter("check", engine=engine.environment["DOCKER_HOST"])

        assert_one_line(ran, UNMEASURED, words)

    @pytest.mark.parametrize(
        "command", [["check"], ["topology"], ["explain", "a", "b"]]
    )
    def test_later_answer(self, engine: EngineSocket, command: list[str]) -> None:
        """Every command, and any answer."""
        engine.script[f"{engine.prefix}/info"] = _answer(b"{}")
        engine.script[f"{engine.prefix}/containers/json"] = _answer(b"[]")
        engine.script[f"{engine.prefix}/networks"] = _answer(b'[{"Id": ')

        ran = run_exporter(*command, engine=engine.environment["DOCKER_HOST"])

        assert_one_line(ran, UNMEASURED, r"/networks cannot be used \(not JSON\)")

    def test_silence(self, engine: EngineSocket) -> None:
        """An engine that hangs is given up in time."""
        over = threading.Event()

        def hang(_: Conversation) -> None:
            over.wait(30)

        engine.script["/version"] = hang
        ran = run_exporter("check", engine=engine.environment["DOCKER_HOST"])
        over.set()

        assert_one_line(ran, UNMEASURED, r"\(no answer within 10 s\)")

    def test_ctrl_c(self, engine: EngineSocket) -> None:
        """Whoever does not want to wait need not, and gets no traceback."""
        asked, over = threading.Event(), threading.Event()

        def hang(_: Conversation) -> None:
            asked.set()
            over.wait(30)

        engine.script["/version"] = hang
        address = engine.environment["DOCKER_HOST"]
        with starting("check", engine=address) as process:
            assert asked.wait(20)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        over.set()

        assert (INTERRUPTED, "") == (process.returncode, out)
        assert "Traceback" not in err


class TestConfiguration:
    """Settings and options that cannot be used."""

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param(["check", "--config.file"], id="check"),
            pytest.param(["topology", "--config.file"], id="topology"),
            pytest.param(["run", "--config.file"], id="run"),
            pytest.param(["config", "check"], id="config check"),
        ],
    )
    def test_every_problem_with_its_line(
        self, tmp_path: Path, command: list[str]
    ) -> None:
        """All at once, by whatever command reads it; the engine is not asked."""
        file = tmp_path / "config.yaml"
        file.write_text(
            "probe:\n  interval: soon\n  colour: red\nlog:\n  level: loud\n"
        )

        ran = run_exporter(*command, str(file), engine=NOWHERE)

        lines = ran.err.splitlines()
        assert (USAGE, "") == (ran.status, ran.out)
        assert [
            f"error: {file}:2: probe.interval",
            f"error: {file}:3: probe.colour",
            f"error: {file}:5: log.level",
        ] == [":".join(line.split(":")[:4]) for line in lines]

    def test_a_variable(self) -> None:
        """It is named."""
        ran = run_exporter(
            "check", engine=NOWHERE, environment={"DOCKERNET_PROBE_PACKETS": "many"}
        )

        assert_one_line(ran, USAGE, "DOCKERNET_PROBE_PACKETS: probe.packets: must be")

    def test_no_such_file(self, tmp_path: Path) -> None:
        """It is named too."""
        file = tmp_path / "none.yaml"

        ran = run_exporter("check", "--config.file", str(file), engine=NOWHERE)

        assert_one_line(ran, USAGE, str(file))

    def test_port_in_use(self) -> None:
        """The daemon does not start; what to do is said."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"

            ran = run_exporter("run", "--web.listen-address", address, engine=NOWHERE)

        words = rf"cannot listen on {address} \(Address already in use\); stop what"
        assert_one_line(ran, USAGE, words)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(["check", "--jsno"], "--jsno.*; see .* --help", id="option"),
            pytest.param(["check", "--timeout", "9h"], "from 50ms to 1m", id="value"),
            pytest.param(
                ["check", "--junit", "/nowhere/x"], "cannot be written", id="file"
            ),
        ],
    )
    def test_usage(self, arguments: list[str], words: str) -> None:
        """One line that leads on to the help."""
        assert_one_line(run_exporter(*arguments, engine=NOWHERE), USAGE, words)
