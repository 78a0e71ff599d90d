"""What a test run says about its engines: how much ran on which, and what did not run.

A layer that skips itself looks green. So the end of a run counts the tests of every
engine by the version that it really was, names every layer that was skipped with the
reason, and where engines are required, none tested is a failure.
"""

from collections import Counter
from collections.abc import Iterable

import pytest
from _pytest.terminal import TerminalReporter

from tests.lab.fixtures import POOL, are_required

ENGINE = "engine"
"""Property of a test: the name of the engine it runs on."""
_VERSION = "engine version"
"""Property of a test that has run: what its engine said it is."""


class EngineReport:
    """A pytest plugin that counts; registered by tests/conftest.py."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._outcomes: dict[str, tuple[str | None, str]] = {}
        """By node id: the engine's name, if any, and passed, failed or skipped."""
        self._skips: Counter[tuple[str, str]] = Counter()
        """By layer and reason."""
        self._versions: dict[str, str] = {}
        """By the engine's name, as it said itself."""

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note the engine's version, where the engine was: the report may be elsewhere.

        With pytest-xdist this runs in the worker, and all that follows where the
        workers' reports arrive.
        """
        engine = str(dict(item.user_properties).get(ENGINE))
        if version := self._config.stash[POOL].versions.get(engine):
            item.user_properties.append((_VERSION, version))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst that was heard of a test."""
        properties = dict(report.user_properties)
        engine = properties.get(ENGINE)
        if engine and _VERSION in properties:
            self._versions[str(engine)] = str(properties[_VERSION])
        _, before = self._outcomes.get(report.nodeid, (None, "passed"))
        if report.failed or before == "failed":
            outcome = "failed"
        elif report.skipped:
            outcome = "skipped"
            self._skips[_layer(report.nodeid), _reason(report)] += 1
        else:
            outcome = before
        self._outcomes[report.nodeid] = (str(engine) if engine else None, outcome)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a run without engine tests into a failure where they are required."""
        if self._is_hollow() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say it."""
        lines = [*self._engine_lines(), *self._skip_lines()]
        if self._is_hollow():
            lines.append("FAILED: engines are required, but no test passed on any")
        if lines:
            terminalreporter.section("engines and layers")
            for line in lines:
                terminalreporter.line(line)

    def _is_hollow(self) -> bool:
        if self._config.option.collectonly or not are_required():
            return False
        passed = (engine for engine, how in self._outcomes.values() if how == "passed")
        return not any(passed)

    def _engine_lines(self) -> Iterable[str]:
        counts: dict[str, Counter[str]] = {}
        for engine, outcome in self._outcomes.values():
            if engine is not None:
                counts.setdefault(engine, Counter())[outcome] += 1
        for name, count in sorted(counts.items()):
            told = ", ".join(
                f"{count[outcome]} {outcome}"
                for outcome in ("passed", "failed", "skipped")
                if count[outcome]
            )
            version = self._versions.get(name, "not started")
            yield f"engine {version} ({name}): {told}"

    def _skip_lines(self) -> Iterable[str]:
        for (layer, reason), count in sorted(self._skips.items()):
            yield f"skipped in {layer}: {count} x {reason}"


def _layer(nodeid: str) -> str:
    """Return the folder below tests/ of a test."""
    folders = nodeid.partition("::")[0].split("/")[1:-1]
    return folders[0] if folders else "tests"


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return getattr(report, "wasxfail", "") or "no reason"
