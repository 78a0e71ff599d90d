"""Standard output as terminals and pipes of all kinds see it."""

import io
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.report.page import ASCII, UNICODE, Role, Span
from exporter.terminal import Output

ROOT = Path(__file__).parents[2]
BAD = [(Span("✗ web", Role.BAD),)]

PROGRAM = """
import sys
from exporter.cli import main
from tests.fakes.app import FakeApp
from tests.fakes.report_samples import forty, leaking, snapshot
from tests.fakes.topologies import demo
found = snapshot(forty() if sys.argv[1] == "forty" else demo(), leaking)
main(sys.argv[2:], app=FakeApp(found))
"""


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, in some encoding."""

    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        """Begin empty."""
        super().__init__(io.BytesIO(), encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        """Return whether it is one."""
        return self._tty

    def text(self) -> str:
        """Return what was written."""
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("tty", "environment", "coloured"),
    [
        pytest.param(True, {"TERM": "xterm"}, True, id="terminal"),
        pytest.param(False, {"TERM": "xterm"}, False, id="pipe"),
        pytest.param(True, {"TERM": "xterm", "NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(
            True, {"TERM": "xterm", "NO_COLOR": ""}, True, id="empty NO_COLOR"
        ),
        pytest.param(True, {"TERM": "dumb"}, False, id="dumb terminal"),
        pytest.param(False, {"FORCE_COLOR": "1"}, True, id="FORCE_COLOR"),
    ],
)
def test_colours(tty: bool, environment: Mapping[str, str], coloured: bool) -> None:
    """Colours are for terminals that show them and people that want them."""
    stream = Terminal(tty=tty)
    Output(stream, environment).lines(BAD)

    assert coloured is ("\x1b[" in stream.text())
    assert "✗ web" in stream.text()


@pytest.mark.parametrize(
    ("encoding", "environment", "glyphs"),
    [
        pytest.param("utf-8", {}, UNICODE, id="UTF-8"),
        pytest.param("UTF8", {}, UNICODE, id="another spelling"),
        pytest.param("iso8859-1", {}, ASCII, id="Latin-1"),
        pytest.param("ascii", {}, ASCII, id="ASCII"),
        pytest.param("utf-8", {"TERM": "linux"}, ASCII, id="Linux console"),
    ],
)
def test_glyphs(encoding: str, environment: Mapping[str, str], glyphs: object) -> None:
    """Where check marks cannot be shown there are letters."""
    assert glyphs == Output(Terminal(encoding), environment).page.glyphs


def test_name_beyond_the_encoding() -> None:
    """A name that the encoding lacks is escaped, not an error."""
    stream = Terminal("ascii")
    Output(stream, {}).pieces(["café\n"])

    assert "caf\\xe9\n" == stream.text()


@pytest.mark.parametrize(
    ("environment", "width"),
    [
        pytest.param({}, 100, id="nothing said"),
        pytest.param({"COLUMNS": "132"}, 132, id="COLUMNS"),
        pytest.param({"COLUMNS": "0"}, 100, id="no columns"),
        pytest.param({"COLUMNS": "wide"}, 100, id="no number"),
        pytest.param({"COLUMNS": "3"}, 40, id="too narrow for anything"),
    ],
)
def test_width_of_a_pipe(environment: Mapping[str, str], width: int) -> None:
    """A text for no terminal has a fixed width, unless COLUMNS says otherwise."""
    assert width == Output(Terminal(tty=False), environment).page.width


def test_width_of_a_terminal() -> None:
    """A terminal has its own width."""
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as stream, os.fdopen(parent, "rb", buffering=0):
        termios.tcsetwinsize(child, (24, 77))

        assert 77 == Output(stream, {}).page.width


def run(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start the command line in a process, with an app of ours behind it."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """Return the writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("form", [(), ("--json",), ("--junit", "-")], ids=str)
def test_nobody_reads(form: tuple[str, ...], closed_pipe: int) -> None:
    """`check | head -1` says nothing of the broken pipe, and keeps its status."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, "forty", "check", *form],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=closed_pipe,
        stderr=subprocess.PIPE,
        check=False,
    )

    assert (1, b"half way\n") == (found.returncode, found.stderr)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=str)
def test_nobody_reads_the_help(arguments: tuple[str, ...], closed_pipe: int) -> None:
    """Nor does the help complain."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=closed_pipe,
        stderr=subprocess.PIPE,
        check=False,
    )

    assert b"" == found.stderr


def test_ascii_process() -> None:
    """A process whose output is ASCII writes ASCII."""
    with run("demo", "check", PYTHONIOENCODING="ascii") as process:
        out, err = process.communicate()

    assert (1, b"half way\n") == (process.returncode, err)
    assert out.isascii()
    assert b"bridge1 -> mybridge1" in out


def test_full_disk() -> None:
    """Output that cannot be written is one line, not a traceback."""
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, "demo", "check"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert b"cannot write to standard output (No space left on device)" in found.stderr
    assert b"Traceback" not in found.stderr
