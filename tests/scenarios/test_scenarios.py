"""Every scenario on every engine, through the public command.

What is expected and observed is in the data; the verdict follows from the table.
"""

from collections.abc import Iterator

import pytest

from tests.lab.engine import Engine
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.warm import WarmExporter
from tests.scenarios.judge import differences, wrong_causes
from tests.scenarios.play import check, played
from tests.scenarios.scenario import Scenario, all_scenarios


@pytest.fixture(scope="module")
def exporter() -> Iterator[WarmExporter]:
    """The program, imported once for all of them."""
    with WarmExporter() as warm:
        yield warm


@pytest.fixture
def engine(
    scenario: Scenario, engine_suite: Suite, engine_pool: EnginePool
) -> Iterator[Engine]:
    """An engine with the scenario's flags; that of the scenario before if it can be."""
    flags, environment = scenario.flags, dict(scenario.environment)
    engine = engine_pool.shared(engine_suite, flags, environment)
    if not scenario.can_play_on(engine.release):
        pytest.skip("not on this engine")
    if scenario.needs:
        _need(engine, scenario.needs)
    yield engine
    engine_pool.settle()


def _need(engine: Engine, kind: str) -> None:
    add = ["ip", "link", "add", "needed", "link", "eth0", "type", kind]
    if engine.run_in_host(add, check=False).returncode:
        pytest.skip(f"this kernel knows no {kind}")
    engine.run_in_host(["ip", "link", "del", "needed"])


@pytest.mark.every_engine
@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.id) for one in all_scenarios()]
)
def test_every_pair(scenario: Scenario, engine: Engine, exporter: WarmExporter) -> None:
    """Each pair has the promise, the observation and the verdict it should have."""
    with played(scenario, engine):
        ran = check(exporter, engine)

    assert [] == sorted(differences(scenario, engine.release, ran))
    assert [] == sorted(wrong_causes(scenario, ran))
