"""Engines whose flags break a promise: the flag's effect is the cause named."""

import pytest

from exporter.model.cause import CauseId
from tests.engine.diagnosing import look
from tests.lab.fixtures import StartEngine
from tests.lab.topology import ContainerSpec, NetworkSpec, Topology, started

pytestmark = pytest.mark.timeout(120)

TWO_BRIDGES = Topology(
    networks=(
        NetworkSpec(name="one", ipv6=True, subnets=("10.31.1.0/24", "fd00:31:1::/64")),
        NetworkSpec(name="two", ipv6=True, subnets=("10.31.2.0/24", "fd00:31:2::/64")),
    ),
    containers=(
        ContainerSpec(name="aa", networks=("one",)),
        ContainerSpec(name="bb", networks=("two",)),
    ),
)


@pytest.mark.parametrize(
    ("flag", "family", "expected"),
    [
        ("--iptables=false", "", CauseId.IPTABLES_OFF),
        ("--ip6tables=false", " IPv6", CauseId.IP6TABLES_OFF),
    ],
)
def test_an_engine_that_filters_nothing(
    fresh_engine: StartEngine, flag: str, family: str, expected: CauseId
) -> None:
    """The engine's flag is the cause, whichever pair answers."""
    with started(fresh_engine(flag), TWO_BRIDGES) as running:
        seen = look(running.engine)

    wanted = {
        f"container {pair}{family}": (str(expected), True)
        for pair in ("aa bb", "bb aa")
    }
    assert wanted.items() <= seen.first.items(), seen.told()
