"""Leaks of the demo, as the rules let them through, for tests of their causes."""

from dataclasses import replace
from ipaddress import ip_address

from exporter.model.cause import Cause
from exporter.model.diagnosis import causes_of
from exporter.model.firewall import Fate, Hook, Trace
from exporter.model.inspection import Inspection
from exporter.model.outcome import Verdict
from exporter.model.topology import Topology
from tests.fakes.filters import Chains, FakeFilter, docker_rules, step
from tests.fakes.inspections import (
    HOST_NAME,
    healthy,
    state_of,
    with_filter,
    with_macs,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

DEMO = with_macs(demo())
FINE = healthy(DEMO)
ACROSS = "container bridge1 mybridge1"
AT_MINE = ip_address("172.18.0.2")

_APART = network("apart", "172.25.0.0/24", enable_icc="false")
QUIET = with_macs(
    topology(
        (_APART,),
        (
            container("aa", endpoint("aa", _APART, "172.25.0.2")),
            container("bb", endpoint("bb", _APART, "172.25.0.3")),
        ),
    )
)
WITHIN = "container aa bb"

USER = step("FORWARD", "-j DOCKER-USER")
ACCEPT_BY_USER = Trace(
    fate=Fate.ACCEPT,
    decided_by=step("DOCKER-USER", "-j ACCEPT"),
    path=(USER, step("DOCKER-USER", "-j ACCEPT")),
)
ACCEPT_BY_DOCKER = Trace(
    fate=Fate.ACCEPT,
    decided_by=step("DOCKER-FORWARD", "-i br-bridge -j ACCEPT"),
    path=(
        step("FORWARD", "-j DOCKER-FORWARD"),
        step("DOCKER-FORWARD", "-i br-bridge -j ACCEPT"),
    ),
)
ACCEPT_FIRST = Trace(
    fate=Fate.ACCEPT,
    decided_by=step("FORWARD", "-j ACCEPT"),
    path=(step("FORWARD", "-j ACCEPT"),),
)


def causes(
    inspection: Inspection, found: Topology = DEMO, what: str = ACROSS
) -> tuple[Cause, ...]:
    """Return the causes of an isolated pair that answers."""
    version = 6 if what.endswith(" IPv6") else 4
    state = state_of(
        found,
        what.removesuffix(" IPv6"),
        verdict=Verdict.UNEXPECTED_REACHABLE,
        ip_version=version,
    )
    return causes_of(state, found, inspection)


def ids(
    inspection: Inspection, found: Topology = DEMO, what: str = ACROSS
) -> list[tuple[str, bool]]:
    """Return the causes' ids and whether they are certain."""
    return [(str(c.id), c.certain) for c in causes(inspection, found, what)]


def filtered(
    trace: Trace,
    *gone: tuple[str, str],
    found: Topology = DEMO,
    empty: tuple[tuple[str, str], ...] = (),
    chains: Chains | None = None,
) -> Inspection:
    """Return the host with a trace at FORWARD and some of Docker's chains gone."""
    rules = docker_rules(found) if chains is None else chains
    left = {key: lines for key, lines in rules.items() if key not in gone}
    left |= dict.fromkeys(empty, ())
    filtering = FakeFilter(left, {Hook.FORWARD: trace})
    return with_filter(healthy(found), HOST_NAME, filtering)


def engine(found: Topology, version: str, backend: str = "") -> Topology:
    """Return a topology of another engine."""
    changed = replace(found.engine, version=version, firewall_backend=backend)
    return replace(found, engine=changed)


RAW = ("raw", "PREROUTING")
STAGE_1, STAGE_2 = (("filter", f"DOCKER-ISOLATION-STAGE-{number}") for number in (1, 2))
ENTRY, FORWARD = ("filter", "DOCKER"), ("filter", "FORWARD")
