"""Faults on real engines: the cause of every violation is named first, for certain."""

from collections.abc import Iterator

import pytest

from exporter.model.cause import CauseId
from tests.engine import broken_rules, faults
from tests.engine.cause_table import TABLE, Row
from tests.engine.diagnosing import look
from tests.engine.tampering import scene_for
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import Running, started

pytestmark = [pytest.mark.timeout(120), pytest.mark.every_engine]


@pytest.fixture(scope="module")
def scene(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """The demo and more, once for all tests of this module: each undoes what it did."""
    engine = engine_pool.shared(engine_suite)
    with started(engine, scene_for(engine)) as running:
        yield running
    engine_pool.settle()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fault.__name__)
def test_a_fault_is_named_first(scene: Running, row: Row) -> None:
    """Each violation that a fault brings about names it first, and as certain."""
    if not row.concerns(scene.engine.release):
        pytest.skip(f"harmless on {scene.engine.version}")
    with row.fault(scene):
        seen = look(scene.engine)

    assert seen.first, "the fault broke nothing"
    wrong = {pair: f for pair, f in seen.first.items() if f != (row.cause, True)}
    assert {} == wrong, seen.told()


def test_a_link_put_back_is_no_second_station(scene: Running) -> None:
    """Off its bridge the host answers on the link itself: no fault that lasts."""
    ask = ["ping", "-c", "1", "-W", "1", faults.gateway(scene)]
    with faults.port_lost(scene):
        scene.engine.run_in_container(faults.FIRST, ask, check=False)

    with broken_rules.requests_rejected(scene):
        seen = look(scene.engine)

    assert {(CauseId.DROPPED_BY_RULE, True)} == set(seen.first.values()), seen.told()


def test_nothing_is_broken_without_a_fault(scene: Running) -> None:
    """Every fault before this one is undone, and none is left to be explained.

    Before 27 no engine isolates IPv6, if not told to.
    """
    seen = look(scene.engine)

    leaks = {
        pair: found
        for pair, found in seen.first.items()
        if found == (CauseId.IP6TABLES_OFF, True) and scene.engine.release < (27, 0)
    }
    assert leaks == seen.first, seen.told()
