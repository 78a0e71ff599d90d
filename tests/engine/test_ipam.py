"""The addresses we say are left, against how many containers the engine lets in."""

from collections.abc import Iterator

import pytest
from docker.errors import APIError
from docker.types import IPAMPool

from exporter.engine.client import DockerEngine
from exporter.engine.inventory import Inventory
from exporter.model.ipam import SubnetUsage, subnet_usage
from exporter.model.prefixes import default_pools
from exporter.model.topology import HostNetwork, Topology
from tests.engine.scene import Scene
from tests.lab.engine import Engine

NETWORK = "filled"
GATEWAY_MODE = "com.docker.network.bridge.gateway_mode_ipv4"
INHIBIT = "com.docker.network.bridge.inhibit_ipv4"


@pytest.fixture
def scene(engine: Engine) -> Iterator[Scene]:
    """Tools to make networks and containers on the engine."""
    with Scene(engine.base_url) as found:
        yield found


def looked(engine: Engine) -> Topology:
    """Return what the engine says it has."""
    client = DockerEngine(environment={"DOCKER_HOST": engine.base_url})
    inventory = Inventory(client)
    inventory.full()
    client.close()
    return inventory.topology(HostNetwork(available=False, source="not asked"))


def usage(engine: Engine) -> list[SubnetUsage]:
    """Return the usage of the network's subnets."""
    return [one for one in subnet_usage(looked(engine)) if one.network == NETWORK]


def left(engine: Engine) -> int:
    """Return how many containers we say fit into the network: the fewest."""
    return min(one.available for one in usage(engine) if one.available is not None)


def fill(scene: Scene) -> int:
    """Run containers until the engine has no address for one; return how many ran."""
    for number in range(20):
        try:
            scene.run(f"filled{number}", network=NETWORK)
        except APIError:
            return number
    return 20


@pytest.mark.parametrize(
    ("pools", "options"),
    [
        pytest.param([IPAMPool(subnet="10.99.1.0/30")], {}, id="bridge"),
        pytest.param(
            [
                IPAMPool(
                    subnet="10.99.2.0/24",
                    iprange="10.99.2.64/30",
                    gateway="10.99.2.1",
                    aux_addresses={"in": "10.99.2.65", "out": "10.99.2.200"},
                )
            ],
            {},
            id="range with reserved addresses",
        ),
        pytest.param(
            [IPAMPool(subnet="10.99.3.0/24", iprange="10.99.3.64/31")],
            {},
            id="range with a gateway nobody chose",
        ),
        pytest.param(
            [IPAMPool(subnet="10.99.4.0/30")],
            {"internal": True, "options": {GATEWAY_MODE: "isolated"}},
            id="isolated",
        ),
        pytest.param(
            [IPAMPool(subnet="10.99.5.0/30")],
            {"internal": True, "options": {INHIBIT: "true"}},
            id="internal without an address of the bridge",
        ),
        pytest.param(
            [IPAMPool(subnet="10.99.6.0/30")],
            {"driver": "macvlan", "options": {"parent": "eth0"}},
            id="macvlan",
        ),
        pytest.param(
            [IPAMPool(subnet="10.99.7.0/24"), IPAMPool(subnet="fd00:99::/126")],
            {"enable_ipv6": True},
            id="dual stack",
        ),
    ],
)
def test_as_many_containers_fit_as_we_say(
    engine: Engine, scene: Scene, pools: list[IPAMPool], options: dict[str, object]
) -> None:
    """And then we say that none does; every address that is gone was counted."""
    scene.network(NETWORK, *pools, **options)
    before, fitting = usage(engine), left(engine)
    ran = fill(scene)
    after = usage(engine)

    assert fitting == ran
    assert 0 == left(engine)
    assert [one.used + ran for one in before if one.used is not None] == [
        one.used for one in after
    ]


def test_the_engines_pools_are_the_ones_we_know(engine: Engine, scene: Scene) -> None:
    """A network without a subnet is cut from a pool, and that one is fuller then.

    Which one depends on what the engine handed out before.
    """
    before = {pool.base: pool.used for pool in default_pools(looked(engine))}
    scene.network(NETWORK)
    found = looked(engine)
    prefix = next(one.prefix for one in usage(engine))
    grown = [p.base for p in default_pools(found) if p.used == before[p.base] + 1]

    assert [31] == [sum(pool.subnets for pool in default_pools(found))]
    assert 1 == len(grown)
    assert prefix in grown[0].subnets(new_prefix=prefix.prefixlen)
