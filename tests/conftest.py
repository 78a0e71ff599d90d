"""Everything that holds for all tests: options, profiles, markers, header, report."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from zlib import crc32

import hypothesis
import pytest
from _pytest.terminal import TerminalReporter
from xdist.remote import Producer

from tests.lab import fixtures
from tests.lab.errors import LabError
from tests.lab.fixtures import POOL, REFUSED, are_required, require
from tests.lab.grouping import Grouped
from tests.lab.pool import EnginePool
from tests.lab.report import ENGINE, EngineReport
from tests.lab.suites import HOST, SUITES, Suite, install, missing_for

_ENGINE_TIMEOUT_S = 120
_CAPABILITIES = {13: "NET_RAW", 12: "NET_ADMIN", 19: "SYS_PTRACE", 21: "SYS_ADMIN"}
"""Bit numbers of capabilities(7)."""

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile(
    "ci", max_examples=200, deadline=None, derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project."""
    group = parser.getgroup("dockernet-exporter")
    group.addoption(
        "--engines",
        choices=("all", "newest", "host"),
        default=os.environ.get("DOCKERNET_ENGINES", "all"),
        help="engines to test on: all, the newest that is here, or the machine's own",
    )
    group.addoption(
        "--update-golden",
        action="store_true",
        help="write the files of tests/golden anew instead of comparing with them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what the hooks and fixtures share."""
    config.addinivalue_line(
        "markers", "suites(*names): engines to run on: host, trixie, forky"
    )
    config.stash[POOL] = EnginePool()
    config.stash[REFUSED] = {}
    config.pluginmanager.register(EngineReport(config), "engine-report")
    # Not by pytest_plugins, which wants to import the module before we do.
    config.pluginmanager.register(fixtures, "lab-fixtures")


def pytest_report_header() -> list[str]:
    """Name what the privileged layers depend on."""
    engines = ", ".join(f"{suite.name} {_described(suite)}" for suite in SUITES)
    return [
        f"kernel: {platform.release()}, user {os.geteuid()}, {_capabilities()}",
        f"engines: {engines}" + (" (required)" if are_required() else ""),
        f"promtool: {_promtool_version()}, chromium: {_chromium()}",
        "engine tests: "
        + (
            "every one on every engine"
            if os.environ.get("DOCKERNET_TEST_ALL") == "1"
            else "all on the newest engine, a fixed third on each older one"
        ),
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for an engine on every one that is wanted."""
    if "engine_suite" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("suites")
    wanted = [s for s in SUITES if marker is None or s.name in marker.args]
    choice = metafunc.config.getoption("engines")
    chosen = _chosen(choice)
    if choice == "all" and marker is None:
        wanted = [suite for suite in wanted if _has_turn(metafunc, suite)]
    left_out = pytest.mark.skip(reason=f"--engines={choice} leaves this one out")
    metafunc.parametrize(
        "engine_suite",
        [
            pytest.param(s, id=s.name, marks=() if s in chosen else left_out)
            for s in wanted
        ],
        indirect=True,
        # Tests of one engine are run together, in whatever order otherwise.
        scope="session",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Mark tests by the fixtures they use, and tell the report their engine."""
    if config.getoption("engines") == "all":
        items[:] = [item for item in items if _scenario_has_turn(item)]
    for item in items:
        if isinstance(item, pytest.Function):
            _mark(item)


@pytest.hookimpl(optionalhook=True)  # with -p no:xdist nobody knows it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Grouped:
    """Run modules side by side, and of those with engines each engine's tests."""
    return Grouped(config, log)


def _mark(item: pytest.Function) -> None:
    """Mark a test by the fixtures it uses."""
    if "netns_lab" in item.fixturenames:
        item.add_marker(pytest.mark.netns)
    if "engine_suite" in item.fixturenames:
        item.add_marker(pytest.mark.engine)
        suite = item.callspec.params["engine_suite"]
        if isinstance(suite, Suite):
            item.user_properties.append((ENGINE, suite.name))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_ENGINE_TIMEOUT_S))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the selected tests need and was never built; it takes a minute."""
    if session.config.option.collectonly:
        return
    names = {dict(item.user_properties).get(ENGINE) for item in session.items}
    for suite in SUITES:
        if suite.name in names and missing_for(suite) is None and not suite.is_ready:
            _build(suite, session.config)


@pytest.fixture
def update_golden(pytestconfig: pytest.Config) -> bool:
    """Whether the files of tests/golden are to be written anew."""
    return bool(pytestconfig.getoption("update_golden"))


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool; a test that asks for it is skipped where it is missing."""
    path = shutil.which("promtool")
    require(None if path else "no promtool on this machine: install prometheus")
    return str(path)


def _build(suite: Suite, config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, TerminalReporter):
        reporter.line(f"building the engine of {suite.name} (once, about a minute)")
    try:
        install(suite)
    except LabError as error:
        config.stash[REFUSED][suite.name] = str(error)


def _chosen(choice: str) -> tuple[Suite, ...]:
    if choice == "all":
        return SUITES
    if choice == "host":
        return (HOST,)
    possible = [suite for suite in SUITES if missing_for(suite) is None]
    return ((possible or SUITES)[-1],)


def _has_turn(metafunc: pytest.Metafunc, suite: Suite) -> bool:
    """Return whether a test runs on a suite: on the newest all, else a fixed third.

    DOCKERNET_TEST_ALL=1 (`make test-all`) and the marker `every_engine` mean all.
    """
    everything = os.environ.get("DOCKERNET_TEST_ALL") == "1"
    if everything or suite is SUITES[-1]:
        return True
    if metafunc.definition.get_closest_marker("every_engine"):
        return True
    name = f"{metafunc.module.__name__}.{metafunc.function.__name__}"
    return _is_third(name, suite)


def _scenario_has_turn(item: pytest.Item) -> bool:
    """Return whether a scenario or a fault runs on a suite: one by one.

    Each is one test of many parameters, so the third is one of those.
    """
    callspec = getattr(item, "callspec", None)
    parameters = {} if callspec is None else dict(callspec.params)
    suite = parameters.get("engine_suite")
    if suite is None or suite is SUITES[-1]:
        return True
    if "scenario" in parameters:
        name = parameters["scenario"].id
    elif "row" in parameters:
        name = parameters["row"].fault.__name__
    else:
        return True
    return os.environ.get("DOCKERNET_TEST_ALL") == "1" or _is_third(name, suite)


def _is_third(name: str, suite: Suite) -> bool:
    return crc32(name.encode()) % 3 == SUITES.index(suite)


def _described(suite: Suite) -> str:
    return suite.package if suite.is_ready else (missing_for(suite) or "to be built")


def _capabilities() -> str:
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            held = [name for bit, name in _CAPABILITIES.items() if bits >> bit & 1]
            return f"capabilities {', '.join(held) or 'none'}"
    return "capabilities unknown"


def _chromium() -> str:
    return shutil.which("chromium") or "not installed"


def _promtool_version() -> str:
    path = shutil.which("promtool")
    if path is None:
        return "not installed"
    said = subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=False
    )
    return (said.stdout or said.stderr).partition("(")[0].strip()
