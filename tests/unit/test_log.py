"""Rules of the log: one line an event, readable by people and programs."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
import structlog

from exporter.log import Format, Level, configure
from exporter.model.outcome import Verdict

HOSTILE = '\x1b[31mweb" level=error\nts=1999-01-01T00:00:00Z msg=fake\r\u2028\u202e\x9b'


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def loggers() -> Iterator[logging.Logger]:
    """Yield every logger but the root."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield logger


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Begin with loggers that work, whoever disabled them; leave them as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    before = {one.name: (one.level, one.disabled) for one in loggers()}
    for one in loggers():
        one.disabled = False
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for one in loggers():
        least, one.disabled = before.get(one.name, (logging.NOTSET, False))
        one.setLevel(least)


def configured(
    style: Format, level: Level = "info", stream: io.StringIO | None = None
) -> io.StringIO:
    """Configure logging into a stream."""
    target = io.StringIO() if stream is None else stream
    configure(level, style, target)
    return target


def fail(text: str) -> None:
    """Raise."""
    raise ValueError(text)


class TestLogfmt:
    """The format for machines and for people who read machines' logs."""

    def test_a_line(self) -> None:
        """Time, level, event and origin come first, then the values in order."""
        stream = configured("logfmt")

        structlog.get_logger("daemon").info(
            "verdict.changed",
            source="web 1",
            verdict=Verdict.AS_EXPECTED,
            address=ip_address("::1"),
            rtt_s=0.25,
            first=True,
            network=None,
        )

        assert re.fullmatch(
            r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=info msg=verdict.changed "
            r'logger=daemon source="web 1" verdict=as_expected address=::1 rtt_s=0.25 '
            r"first=true network=\n",
            stream.getvalue(),
        )

    def test_a_hostile_name_stays_inside_its_value(self) -> None:
        """A name can end neither its quotes nor its line, nor reach the terminal."""
        stream = configured("logfmt")

        structlog.get_logger().info("endpoint.appeared", source=HOSTILE)
        line = stream.getvalue()

        assert line.removesuffix("\n").isprintable()
        assert line.endswith(
            'source="\\\\x1b[31mweb\\" level=error\\nts=1999-01-01T00:00:00Z msg=fake'
            '\\\\r\\\\u2028\\\\u202e\\\\x9b"\n'
        )

    def test_libraries_go_the_same_way(self) -> None:
        """Records of the standard library's logging look like ours."""
        stream = configured("logfmt")

        logging.getLogger("urllib3.pool").warning("Retrying %s", "a\nb")

        assert stream.getvalue().endswith(
            ' level=warning msg="Retrying a\\nb" logger=urllib3.pool\n'
        )

    def test_an_exception_is_one_line(self) -> None:
        """A traceback does not break the line, whatever the exception says."""
        stream = configured("logfmt")

        try:
            fail(HOSTILE)
        except ValueError:
            structlog.get_logger().exception("stage.failed", stage="cycle")
            logging.getLogger("apscheduler").exception("job failed")
        lines = stream.getvalue().splitlines()

        assert 2 == len(lines)
        assert all('exception="Traceback' in line for line in lines)
        assert all(line.isprintable() for line in lines)

    def test_warnings_of_python_are_logged(self) -> None:
        """A library's deprecation does not write beside the log."""
        stream = configured("logfmt")

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)

        assert "logger=py.warnings" in stream.getvalue()


class TestJson:
    """The format for programs."""

    def test_a_line(self) -> None:
        """Values keep their type, and hostile ones their content."""
        stream = configured("json")

        structlog.get_logger("daemon").warning(
            "verdict.changed", source=HOSTILE, n=None, rtt_s=0.25, ip=ip_address("::1")
        )
        line = stream.getvalue()
        event = json.loads(line)

        assert 1 == line.count("\n")
        assert line.removesuffix("\n").isprintable()
        assert event.pop("ts").endswith("Z")
        assert {
            "level": "warning",
            "msg": "verdict.changed",
            "logger": "daemon",
            "source": HOSTILE,
            "n": None,
            "rtt_s": 0.25,
            "ip": "::1",
        } == event


class TestConsole:
    """The format for a person at a terminal."""

    def test_auto_is_console_on_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A person gets colours, unless NO_COLOR says otherwise."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        stream = configured("auto", stream=Terminal())
        structlog.get_logger().info("cycle.finished")
        monkeypatch.setenv("NO_COLOR", "1")
        plain = configured("auto", stream=Terminal())
        structlog.get_logger().info("cycle.finished")

        assert "\x1b[" in stream.getvalue()
        assert "\x1b[" not in plain.getvalue()
        assert "cycle.finished" in plain.getvalue()

    def test_auto_is_logfmt_elsewhere(self) -> None:
        """A pipe or a journal gets logfmt."""
        stream = configured("auto")

        structlog.get_logger().info("cycle.finished")

        assert stream.getvalue().startswith("ts=")

    def test_a_hostile_name_reaches_no_terminal(self) -> None:
        """Nothing of a value moves the cursor or starts a line."""
        stream = configured("console")

        structlog.get_logger().info("endpoint.appeared", source=HOSTILE)
        logging.getLogger("lib").warning(HOSTILE)
        lines = stream.getvalue().splitlines()

        assert 2 == len(lines)
        assert all(line.isprintable() for line in lines)

    def test_a_traceback_keeps_its_lines(self) -> None:
        """People read tracebacks downwards; escapes in them stay dead."""
        stream = configured("console")

        try:
            fail("\x1b[2J")
        except ValueError:
            structlog.get_logger().exception("stage.failed")

        assert "\nTraceback (most recent call last):\n" in stream.getvalue()
        assert "ValueError: \\x1b[2J\n" in stream.getvalue()
        assert "\x1b" not in stream.getvalue()


class TestLevels:
    """What is logged at all."""

    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            ("debug", ["debug", "info", "warning", "error"]),
            ("info", ["info", "warning", "error"]),
            ("warning", ["warning", "error"]),
            ("error", ["error"]),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_only_what_is_asked_for(self, level: Level, expected: list[str]) -> None:
        """A level lets itself and everything above it pass, for us and libraries."""
        stream = configured("json", level)

        for name in ("debug", "info", "warning", "error"):
            getattr(structlog.get_logger(), name)("x.seen")
            getattr(logging.getLogger("lib"), name)("seen")
        seen = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]

        assert [level for level in expected for _ in range(2)] == seen

    def test_a_reload_reaches_loggers_that_exist(self) -> None:
        """Level and stream change for loggers made before."""
        first = configured("logfmt")
        log = structlog.get_logger("daemon")
        log.info("cycle.finished")
        second = configured("logfmt", "warning")
        log.info("cycle.finished")
        log.warning("cycle.skipped")

        assert 1 == first.getvalue().count("\n")
        assert 1 == second.getvalue().count("\n")

    @pytest.mark.parametrize(
        "name", ["apscheduler.scheduler", "docker.api", "urllib3", "uvicorn.error"]
    )
    def test_libraries_chatter_at_debug_only(self, name: str) -> None:
        """What libraries say of their ordinary work is for debugging."""
        quiet = configured("logfmt")
        logging.getLogger(name).info("started")
        loud = configured("logfmt", "debug")
        logging.getLogger(name).info("started")

        assert "" == quiet.getvalue()
        assert "started" in loud.getvalue()
