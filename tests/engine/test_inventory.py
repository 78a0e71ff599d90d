"""What the inventory knows of a real engine, against what the kernel has."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from exporter.engine.client import DockerEngine
from exporter.engine.inventory import Inventory
from exporter.model.topology import (
    HOST,
    Container,
    HostNetwork,
    Network,
    Sandbox,
    Topology,
)
from tests.engine.proxy import RecordingProxy
from tests.engine.scene import COMPOSE, Scene
from tests.lab.engine import Engine
from tests.lab.fixtures import StartEngine

NO_HOST = HostNetwork(available=False, source="not asked")


@pytest.fixture
def scene(engine: Engine) -> Iterator[Scene]:
    """Tools to make networks and containers on the engine."""
    with Scene(engine.base_url) as found:
        yield found


@pytest.fixture
def inventory(engine: Engine) -> Iterator[Inventory]:
    """Read the engine."""
    client = DockerEngine(environment={"DOCKER_HOST": engine.base_url})
    yield Inventory(client)
    client.close()


def looked(inventory: Inventory) -> Topology:
    """Return everything as it is now."""
    inventory.full()
    return inventory.topology(NO_HOST)


def network(topology: Topology, name: str) -> Network:
    """Return a network by name."""
    return next(n for n in topology.networks if n.name == name)


def container(topology: Topology, name: str) -> Container:
    """Return a container by name."""
    return next(c for c in topology.containers if c.name == name)


def sandbox(topology: Topology, name: str) -> Sandbox:
    """Return a sandbox by name."""
    return next(s for s in topology.sandboxes if s.name == name)


def addresses_inside(engine: Engine, pid: int) -> set[str]:
    """Return the global addresses in a process's network namespace, with prefix."""
    said = engine.run_in_host(
        ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-oneline", "address"]
    ).stdout
    found: set[str] = set(re.findall(r"inet6? (\S+).* scope global", said))
    return found


def netns_inode(pid: int) -> int:
    """Return the inode of a process's network namespace."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def test_the_engine_is_local(engine: Engine, inventory: Inventory) -> None:
    """A plain engine on this kernel behind its own socket."""
    found = looked(inventory).engine

    assert (True, "", "docker") == (found.local, found.local_reason, found.product)
    assert engine.version == found.version.partition("+")[0]
    assert engine.base_url == found.address


def test_an_engine_with_nothing(inventory: Inventory) -> None:
    """The three predefined networks, no container."""
    found = looked(inventory)

    assert ["bridge", "host", "none"] == [n.name for n in found.networks]
    assert ((), ()) == (found.containers, found.sandboxes)


def test_everything_of_the_scene(
    engine: Engine, scene: Scene, inventory: Inventory, subtests: pytest.Subtests
) -> None:
    """Every kind of network and container, as the kernel has it."""
    scene.build()
    scene.wait_until_settled()
    found = looked(inventory)

    assert {
        "api.2",
        "dflt",
        "dual",
        "mac",
        "multi",
        "nonet",
        "paused",
        "shop-web-1",
        "web",
    } == {s.name for s in found.sandboxes}
    for one in found.sandboxes:
        with subtests.test("addresses", sandbox=one.name):
            assert addresses_inside(engine, one.pid) == {
                f"{a.address}/{a.prefix_length}"
                for e in one.endpoints
                for a in e.addresses
            }
        with subtests.test("path, pid and members are one namespace", of=one.name):
            assert one.path is not None
            assert {Path(one.path).stat().st_ino} == {
                netns_inode(found.container_by_id[member].pid) for member in one.members
            }
    links = engine.run_in_host(["ip", "-oneline", "link"]).stdout
    for one_network in found.networks:
        if one_network.bridge is None:
            continue
        with subtests.test("bridge and its MTU", network=one_network.name):
            mtu = re.search(rf" {one_network.bridge}: .* mtu (\d+)", links)
            assert mtu is not None
            assert (one_network.mtu or 1500) == int(mtu[1])
    with subtests.test("kinds of containers"):
        expect_kinds(found)


def expect_kinds(found: Topology) -> None:
    """Host, none, joined, paused, stopped and created ones, each as it is."""
    assert HOST == container(found, "hostly").sandbox
    assert ["hostly"] == [c.name for c in found.host_members]
    assert () == sandbox(found, "nonet").endpoints
    multi = sandbox(found, "multi")
    assert ["multi", "joiner", "second"] == [
        found.container_by_id[m].name for m in multi.members
    ]
    assert {"front", "back"} == {
        found.network_by_id[e.network_id].name for e in multi.endpoints
    }
    paused = container(found, "paused")
    assert (True, True, 1) == (paused.running, paused.paused, len(paused.endpoints))
    for name in ("ended", "fresh", "again"):
        one = container(found, name)
        assert (False, None, None, ()) == (
            one.running,
            one.sandbox,
            one.sandbox_key,
            one.endpoints,
        )


def test_a_joiner_whose_owner_started_again_is_left_behind(
    scene: Scene, inventory: Inventory
) -> None:
    """It stays in the old namespace, as the kernel has it, not with its owner."""
    owner = scene.run("owner", network="bridge")
    scene.run("side", network=f"container:{owner}")
    assert ["owner"] == [s.name for s in looked(inventory).sandboxes]

    scene.docker.containers.get("owner").restart(timeout=0)
    found = looked(inventory)

    assert ["owner", "side"] == [s.name for s in found.sandboxes]
    pids = [container(found, name).pid for name in ("owner", "side")]
    assert netns_inode(pids[0]) != netns_inode(pids[1])
    assert () == sandbox(found, "side").endpoints

    scene.docker.containers.get("side").restart(timeout=0)
    found = looked(inventory)

    assert ["owner"] == [s.name for s in found.sandboxes]
    assert netns_inode(pids[0]) == netns_inode(container(found, "side").pid)


def test_a_joiner_whose_owner_stopped(scene: Scene, inventory: Inventory) -> None:
    """It runs on without a network."""
    owner = scene.run("owner", network="bridge")
    scene.run("side", network=f"container:{owner}")
    scene.docker.containers.get("owner").stop(timeout=0)

    found = looked(inventory)

    assert [("side", None, ())] == [
        (s.name, s.path, s.endpoints) for s in found.sandboxes
    ]
    assert netns_inode(sandbox(found, "side").pid)


def test_names_of_a_recreated_compose_service(
    scene: Scene, inventory: Inventory
) -> None:
    """The successor is called as its predecessor was, which is renamed and stopped."""
    old = scene.run("shop-web-1", labels=COMPOSE)
    before = looked(inventory)
    scene.docker.containers.get(old).rename(f"{old[:12]}_shop-web-1")
    scene.docker.containers.get(old).stop(timeout=0)
    new = scene.run("shop-web-1", labels=COMPOSE)
    found = looked(inventory)

    assert ["shop-web-1"] == [c.name for c in before.containers]
    assert {old: f"shop-web-1-{old[:12]}", new: "shop-web-1"} == {
        c.id: c.name for c in found.containers
    }


def test_a_network_without_ipv4(
    engine: Engine, scene: Scene, inventory: Inventory
) -> None:
    """API 1.47 brought them; an older engine gives IPv4 whatever one asks for."""
    six = scene.network_without_ipv4("six", "fd00:6::/64")
    scene.run("lone", network="six")

    found = looked(inventory)

    has_ipv4 = engine.release < (27, 3)
    (end,) = container(found, "lone").endpoints
    assert six == end.network_id
    assert (has_ipv4, True) == (network(found, "six").ipv4, network(found, "six").ipv6)
    assert ([4] if has_ipv4 else []) + [6] == [a.ip_version for a in end.addresses]


def test_default_pools_of_a_configured_engine(fresh_engine: StartEngine) -> None:
    """As `--default-address-pool` says."""
    engine = fresh_engine("--default-address-pool=base=10.99.0.0/16,size=24")
    client = DockerEngine(environment={"DOCKER_HOST": engine.base_url})

    found = looked(Inventory(client)).engine

    client.close()
    assert ((ip_network("10.99.0.0/16"), 24),) == found.default_pools


def test_what_the_engine_is_asked(engine: Engine, scene: Scene, tmp_path: Path) -> None:
    """Seen at its socket: GET only, everybody once, then almost nobody.

    In a second pass only for those of which the list does not show whether they were
    started again.
    """
    scene.build()
    scene.wait_until_settled()
    scene.docker.containers.get("again").stop(timeout=0)
    with RecordingProxy(engine.socket, tmp_path) as proxy:
        client = DockerEngine(environment=proxy.environment)
        inventory = Inventory(client)
        before = looked(inventory)
        first = list(proxy.requests)
        after = looked(inventory)
        second = proxy.requests[len(first) :]
        inventory.refresh({c.id for c in after.containers}, {after.networks[0].id})
        client.events(0).close()
        client.close()

    prefix = f"GET /v{before.engine.api_version}"
    joined = {container(before, name).id for name in ("joiner", "second")}
    lists = ["/info", "/networks?filters=%7B%7D"]
    lists += [f"/containers/{identity}/json" for identity in joined]
    assert before == after
    assert {"GET"} == {request.partition(" ")[0] for request in proxy.requests}
    assert 15 == len([r for r in first if r.endswith("/json")])
    expected = {"GET /version", *(f"{prefix}{path}" for path in lists)}
    assert expected == {r for r in second if "/containers/json?" not in r}
    assert len(expected) + 1 == len(second)
