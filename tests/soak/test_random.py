"""Random topologies on a real engine: what is seen is what is promised.

Nothing is tampered with, so every judged pair is as expected and nothing is in doubt.
`make soak` plays 200 of them, `make test` a fixed handful.
"""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.lab.exporter import Pair, Ran
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.warm import WarmExporter
from tests.scenarios.judge import key_of
from tests.scenarios.play import check, played
from tests.scenarios.scenario import Scenario
from tests.soak.random_topologies import topologies

SHARDS = 40
EXAMPLES = 6
"""Of a shard; its first is always the smallest there is, so 200 that are random."""
FEW = 6
_LIMIT_S = 240.0
"""A complete mesh of twelve waits for room in the neighbour table."""

_DEAF = re.compile(r"^run --name (\S+) .*echo_ignore_all=1", re.MULTILINE)
"""The names of containers created to ignore echo requests."""

_SETTINGS = settings(
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def exporter() -> Iterator[WarmExporter]:
    """The program, imported once for all of them."""
    with WarmExporter(limit_s=_LIMIT_S) as warm:
        yield warm


@pytest.fixture(scope="module")
def pool(engine_pool: EnginePool) -> Iterator[EnginePool]:
    """The session's engines; the last is not for others."""
    yield engine_pool
    engine_pool.close()


def deviations(scenario: Scenario, ran: Ran) -> list[str]:
    """Return the pairs that are not as promised, or of which that is not known."""
    deaf = set(_DEAF.findall("\n".join(scenario.docker)))
    return [
        f"{key_of(pair)}: {pair}"
        for pair in ran.pairs
        if not (_is_fine(pair) or _cannot_be_told(pair, deaf))
    ]


def _is_fine(pair: Pair) -> bool:
    if pair["verdict"] == "not_judged":
        return True
    seen = {"reachable": "reachable", "unreachable": "isolated"}
    return bool(
        pair["verdict"] == "as_expected"
        and pair["expected"] == seen.get(pair["observed"])
    )


def _cannot_be_told(pair: Pair, deaf: set[str]) -> bool:
    """Return whether nothing can show that the source works.

    It was created to leave echo requests unanswered, its own too, on a network where
    it is promised neither a gateway nor a neighbour.
    """
    return bool(
        pair["verdict"] == "unverified"
        and pair["source"] in deaf
        and (pair["expected"], pair["observed"]) == ("isolated", "unreachable")
        and pair["controls"]["source"] is not True
    )


def play(
    scenario: Scenario, suite: Suite, pool: EnginePool, exporter: WarmExporter
) -> None:
    """Make a topology on an engine that nobody used, and look."""
    pool.close()  # quicker than to remove so many one by one
    engine = pool.shared(suite)
    with played(scenario, engine):
        ran = check(exporter, engine, "--all")

    assert [] == deviations(scenario, ran), _pasteable(scenario)
    doubts = any(pair["verdict"] == "unverified" for pair in ran.pairs)
    assert (3 if doubts else 0) == ran.status


def _pasteable(scenario: Scenario) -> str:
    prepare = [f"{place}: {command}" for place, command in scenario.prepare]
    return "\n".join([*prepare, *scenario.docker])


@pytest.mark.suites("forky")
@pytest.mark.timeout(900)
def test_a_few(engine_suite: Suite, pool: EnginePool, exporter: WarmExporter) -> None:
    """A handful, the same every time."""

    @settings(_SETTINGS, max_examples=FEW, derandomize=True)
    @given(topologies(networks=5, containers=6))
    def run(scenario: Scenario) -> None:
        play(scenario, engine_suite, pool, exporter)

    run()


@pytest.mark.soak
@pytest.mark.suites("forky")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_many(
    shard: int, engine_suite: Suite, pool: EnginePool, exporter: WarmExporter
) -> None:
    """All sizes."""

    @seed(shard)
    # Shrinking takes its five minutes, with a new engine for every step.
    @settings(_SETTINGS, max_examples=EXAMPLES, phases=(Phase.generate, Phase.shrink))
    @given(topologies())
    def run(scenario: Scenario) -> None:
        play(scenario, engine_suite, pool, exporter)

    run()
