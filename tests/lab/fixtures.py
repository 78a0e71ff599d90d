"""The fixtures of the lab; `tests/conftest.py` loads them as a plugin."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.lab import installed
from tests.lab.engine import Engine
from tests.lab.namespaces import namespaces_missing
from tests.lab.plain import PlainLab
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite, missing_for
from tests.lab.topology import DEMO, Running, Topology, started

POOL = pytest.StashKey[EnginePool]()
"""Where the session keeps its engine."""
REFUSED = pytest.StashKey[dict[str, str]]()
"""Why a suite could not be built, by its name."""


class StartEngine(Protocol):
    """The type of `fresh_engine`."""

    def __call__(
        self, *flags: str, environment: Mapping[str, str] | None = None
    ) -> Engine:
        """Start an engine of the test's suite, with more flags for dockerd."""


class StartTopology(Protocol):
    """The type of `topology`."""

    def __call__(self, topology: Topology) -> Running:
        """Start networks and containers on the test's engine."""


class MakePlainLab(Protocol):
    """The type of `netns_lab`."""

    def __call__(self, *, containers: int = 2, bridges: int = 1) -> PlainLab:
        """Make bridges with so many containers each."""


def are_required() -> bool:
    """Whether a privileged test that cannot run is a failure."""
    return os.environ.get("DOCKERNET_REQUIRE_ENGINES") == "1"


def require(missing: str | None) -> None:
    """Skip the test with a reason, or fail it where engines are required."""
    if missing is None:
        return
    if are_required():
        pytest.fail(f"DOCKERNET_REQUIRE_ENGINES=1, but {missing}", pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def installed_python() -> Iterator[Path]:
    """A Python with the program in it, for every user."""
    require(installed.missing())
    with installed.installed() as python:
        yield python


@pytest.fixture(scope="session")
def engine_pool(pytestconfig: pytest.Config) -> Iterator[EnginePool]:
    """The session's engine, started when first asked for."""
    pool = pytestconfig.stash[POOL]
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def engine_suite(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Suite:
    """Each engine in turn: a test that asks for it runs once on every one."""
    suite: Suite = request.param
    require(pytestconfig.stash[REFUSED].get(suite.name) or missing_for(suite))
    return suite


@pytest.fixture
def engine(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Engine]:
    """A running engine without containers and user networks.

    It may have served other tests. What a test does to it, also by hand to its
    firewall, links or routes, is undone or thrown away afterwards.
    """
    yield engine_pool.shared(engine_suite)
    engine_pool.settle()


@pytest.fixture
def fresh_engine(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[StartEngine]:
    """Start an engine for this test alone: `fresh_engine("--icc=false")`.

    The one before is stopped. Not to be used together with `engine`.
    """

    def start(*flags: str, environment: Mapping[str, str] | None = None) -> Engine:
        return engine_pool.fresh(engine_suite, flags, environment or {})

    yield start
    engine_pool.close()


@pytest.fixture
def topology(engine: Engine) -> Iterator[StartTopology]:
    """Start networks and containers on `engine`: `topology(Topology(...))`."""
    with contextlib.ExitStack() as ends:

        def start(topology: Topology) -> Running:
            return ends.enter_context(started(engine, topology))

        yield start


@pytest.fixture
def demo(engine: Engine) -> Iterator[Running]:
    """The demo's five containers on `engine`; `demo.engine` is that engine."""
    with started(engine, DEMO) as running:
        yield running


@pytest.fixture
def netns_lab() -> Iterator[MakePlainLab]:
    """Namespaces on bridges, without an engine: `netns_lab(containers=2)`."""
    require(namespaces_missing())
    with contextlib.ExitStack() as ends:

        def make(*, containers: int = 2, bridges: int = 1) -> PlainLab:
            lab = PlainLab(containers=containers, bridges=bridges)
            return ends.enter_context(lab)

        yield make
