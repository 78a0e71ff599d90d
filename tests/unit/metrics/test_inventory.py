"""Rules of networks, endpoints and containers."""

from dataclasses import replace

import pytest

from exporter.model.snapshot import Snapshot
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd, snapshot, with_members
from tests.fakes.scrapes import by, matching, scrape
from tests.fakes.topologies import container, endpoint, network, topology


def test_a_bridge_with_all_its_settings() -> None:
    """What decides who may reach whom."""
    made = replace(
        network(
            "n" * 20,
            "172.20.0.0/16",
            internal=True,
            enable_icc="false",
            gateway_mode_ipv6="routed",
        ),
        project="shop",
        mtu=1400,
    )
    found = scrape(snapshot(topology((made,), ())))

    info = {
        "network": "n" * 20,
        "network_id": "net-nnnnnnnn",
        "driver": "bridge",
        "scope": "local",
        "internal": "true",
        "icc": "false",
        "gateway_mode_ipv4": "nat",
        "gateway_mode_ipv6": "routed",
        "project": "shop",
    }
    assert {frozenset(info.items()): 1} == found["network_info"]
    assert [1400] == matching(found, "network_mtu_bytes")


def test_settings_of_bridges_are_empty_elsewhere() -> None:
    """A macvlan network has neither icc nor a gateway mode."""
    made = network("lan", "192.0.2.0/24", driver="macvlan")
    found = scrape(snapshot(topology((made,), ())))

    assert [1] == matching(
        found,
        "network_info",
        icc="",
        gateway_mode_ipv4="",
        gateway_mode_ipv6="",
        internal="false",
        project="",
    )
    assert [] == matching(found, "network_mtu_bytes")


def test_containers_on_a_network() -> None:
    """Also on none, and on the host's."""
    found = scrape(snapshots.small())

    expected = {("bridge",): 2, ("host",): 1, ("mybridge",): 2, ("none",): 0}
    assert expected == by(found, "network_containers", "network")


def test_who_joins_another_stack_is_not_on_the_network() -> None:
    """The network stack has one endpoint, its owner's."""
    found = scrape(snapshot(with_members(crowd({"a": 1}), "a-app-1", "b")))

    assert [1] == matching(found, "network_containers")
    assert [2] == matching(found, "containers", state="running")


def test_an_endpoint_with_its_addresses() -> None:
    """Ids, addresses and images stand here and nowhere else."""
    on = network("a", "172.20.0.0/16", "fd00::/64")
    one = replace(
        container("web", endpoint("web", on, "172.20.0.2", "fd00::2")),
        image="nginx:1",
        project="shop",
        service="front",
    )
    found = scrape(snapshot(topology((on,), (one,))))

    info = {
        "container": "web",
        "container_id": "web",
        "network": "a",
        "ipv4": "172.20.0.2",
        "ipv6": "fd00::2",
        "image": "nginx:1",
        "project": "shop",
        "service": "front",
    }
    assert {frozenset(info.items()): 1} == found["endpoint_info"]


def test_what_an_endpoint_lacks_is_empty() -> None:
    """No IPv6, no project, no service."""
    found = scrape(snapshot(crowd({"a": 1})))

    assert [1] == matching(
        found, "endpoint_info", ipv6="", project="", service="", image=""
    )


def with_state(state: str, *, running: bool) -> Snapshot:
    """Return one container in a state."""
    found = crowd({"a": 1})
    one = replace(found.containers[0], status=state, running=running)
    return snapshot(replace(found, containers=(one,), sandboxes=()))


@pytest.mark.parametrize("state", ["created", "exited", "dead", "removing"])
def test_a_container_that_does_not_run_has_no_endpoint(state: str) -> None:
    """It is counted, and that is all."""
    found = scrape(with_state(state, running=False))

    assert [] == matching(found, "endpoint_info")
    assert [0] == matching(found, "network_containers")
    assert [1] == matching(found, "containers", state=state)


def test_containers_by_state_begin_at_zero() -> None:
    """Every word of the engine, and one for what is none."""
    found = by(scrape(with_state("stopping", running=True)), "containers", "state")

    states = ("created", "running", "paused", "restarting", "removing", "exited")
    assert {**dict.fromkeys([*states, "dead"], 0), "other": 1} == {
        key[0]: count for key, count in found.items()
    }


def test_an_endpoint_on_an_unknown_network_has_no_series() -> None:
    """Between two listings a network may be gone already."""
    found = crowd({"a": 1})
    seen = scrape(snapshot(replace(found, networks=())))

    assert [] == matching(seen, "endpoint_info")


def test_the_inventory_stays_while_the_engine_is_down() -> None:
    """As it was last seen; `docker_up` says that it is old."""
    up, down = scrape(snapshots.small()), scrape(snapshots.engine_down())

    for name in ("network_info", "endpoint_info", "network_containers", "containers"):
        assert up[name] == down[name]


def test_before_the_first_answer_nothing_is_listed() -> None:
    """Not even zeroes: nobody knows."""
    found = scrape(snapshots.never_up())

    assert set() == {"network_info", "containers", "endpoint_info"} & set(found)
