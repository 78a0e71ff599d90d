"""Overlays of a swarm of one node, through the public command, on every engine."""

from collections.abc import Iterator

import pytest

from tests.engine.scene import SWARM_SCENE, Scene
from tests.lab.engine import HOST_IPV4, Engine
from tests.lab.exporter import Pair, Ran, run_exporter
from tests.lab.fixtures import StartEngine

pytestmark = [pytest.mark.every_engine, pytest.mark.timeout(120)]

WAY_OUT = "docker_gwbridge"
OVERLAYS = frozenset({"ov1", "ov2", "sealed"})
HOMES = {
    name: (*networks, *((WAY_OUT,) if name in ("o1", "o2", "o3", "half") else ()))
    for name, networks in SWARM_SCENE.items()
}
"""The networks of each container with its way out: whose overlay has another one's
gateway beside it, or is internal, has none."""

Promise = tuple[str, str, str]
"""What is promised, what is seen, and the verdict."""
KEPT: Promise = ("reachable", "reachable", "as_expected")
APART: Promise = ("isolated", "unreachable", "as_expected")
OPEN: Promise = ("unknown", "not_probed", "not_judged")


@pytest.fixture
def swarm(fresh_engine: StartEngine) -> Iterator[Engine]:
    """An engine that is a swarm of its own; it leaves it at the end."""
    engine = fresh_engine()
    engine.docker.swarm.init(advertise_addr=HOST_IPV4)
    yield engine
    engine.docker.swarm.leave(force=True)


@pytest.fixture
def scene(swarm: Engine) -> Iterator[Scene]:
    """Three overlays, an internal bridge and another, and containers on them."""
    with Scene(swarm.base_url) as found:
        found.swarm()
        yield found


def between(source: str, destination: str, network: str) -> Promise:
    """Return what is promised from a container to another's address on a network.

    Overlays keep to themselves, docker_gwbridge keeps its members apart, and between
    overlays and bridges the underlay decides: nothing is asked there.
    """
    if network in HOMES[source]:
        return APART if network == WAY_OUT else KEPT
    if source == "shut":
        return APART
    return OPEN if network in OVERLAYS else APART


def expected() -> dict[tuple[str, str, str, str], Promise]:
    """Return the promise for every pair but names."""
    ends = [(name, network) for name, homes in HOMES.items() for network in homes]
    return {
        **{
            ("container", source, name, network): between(source, name, network)
            for source in HOMES
            for name, network in ends
            if source != name
        },
        **{
            ("host", "host", name, network): OPEN if network in OVERLAYS else KEPT
            for name, network in ends
        },
        **{("gateway", name, "gateway", network): KEPT for name, network in ends},
    }


def key(pair: Pair) -> tuple[str, str, str, str]:
    """Return what tells a pair from the others."""
    keys = ("scope", "source", "destination", "destination_network")
    scope, source, destination, network = (str(pair[name]) for name in keys)
    return scope, source, destination, network


def promise(pair: Pair) -> Promise:
    """Return what came of a pair."""
    return str(pair["expected"]), str(pair["observed"]), str(pair["verdict"])


@pytest.mark.usefixtures("scene")
def test_overlays_and_their_way_out(swarm: Engine) -> None:
    """Every pair: expected, observed and verdict; and names on the overlays only."""
    ran: Ran = run_exporter("check", "--json", "--all", engine=swarm.base_url)

    assert (0, "", []) == (ran.status, ran.err, ran.document["notices"])
    names = [pair for pair in ran.pairs if pair["scope"] == "name"]
    others = {key(p): promise(p) for p in ran.pairs if p["scope"] != "name"}
    assert expected() == others
    assert {KEPT} == {promise(pair) for pair in names}
    assert {"ov1", "n1"} == {pair["destination_network"] for pair in names}
