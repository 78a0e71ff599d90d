"""What exists, as text and as JSON."""

import json
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from exporter.model.snapshot import Snapshot
from exporter.model.topology import Subnet, Topology
from exporter.report.cells import width_of
from exporter.report.page import Page
from exporter.report.paint import painted
from exporter.report.topology import topology_text
from exporter.report.topology_document import topology_document
from tests.fakes.report_samples import (
    demo_on_host,
    hostile,
    joined,
    snapshot,
    with_members,
)
from tests.fakes.topologies import container, endpoint, network, topology


def text(found: Topology, *notices: str, width: int = 100) -> str:
    """Return the text without colours."""
    page = Page(width=width)
    return "\n".join(
        painted(topology_text(snapshot(found, notices=notices), page), colour=False)
    )


def document(found: Topology) -> dict[str, Any]:
    """Return the document as a program reads it."""
    value: dict[str, Any] = json.loads(json.dumps(topology_document(snapshot(found))))
    return value


def one(of: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the only object of a name."""
    (found,) = [item for item in of if item["name"] == name]
    return found


def test_demo() -> None:
    """Networks with their subnets, containers with their addresses, the host."""
    assert (
        "docker 28.5.2 · API 1.51\n"
        "\n"
        "2 networks\n"
        "  bridge: bridge driver, default bridge (names do not resolve), interface "
        "br-bridge\n"
        "    172.17.0.0/16\n"
        "  mybridge: bridge driver, interface br-mybridge\n"
        "    172.18.0.0/16\n"
        "\n"
        "5 containers\n"
        "  bridge1: running\n"
        "    bridge  172.17.0.2/16, gateway 172.17.0.1\n"
        "  bridge2: running\n"
        "    bridge  172.17.0.3/16, gateway 172.17.0.1\n"
        "  imhost: running; on the host's network\n"
        "    lo           up    MTU 65536                     127.0.0.1/8\n"
        "    eth0         up    MTU 1500   02:42:c0:00:02:0a  192.0.2.10/24, "
        "fe80::2a/64\n"
        "    br-mybridge  down  MTU 1500   02:42:5e:11:00:01  172.18.0.1/16\n"
        "  mybridge1: running\n"
        "    mybridge  172.18.0.2/16, gateway 172.18.0.1\n"
        "  mybridge2: running\n"
        "    mybridge  172.18.0.3/16, gateway 172.18.0.1\n"
        "\n"
        "host (own)\n"
        "  containers: imhost\n"
        "  lo           up    MTU 65536                     127.0.0.1/8\n"
        "  eth0         up    MTU 1500   02:42:c0:00:02:0a  192.0.2.10/24, "
        "fe80::2a/64\n"
        "  br-mybridge  down  MTU 1500   02:42:5e:11:00:01  172.18.0.1/16"
    ) == text(demo_on_host())


def test_host_container_has_the_hosts_interfaces() -> None:
    """`imhost` has the host's interfaces and addresses; nobody else has."""
    found = document(demo_on_host())
    imhost = one(found["containers"], "imhost")

    assert ("host", []) == (imhost["sandbox"], imhost["endpoints"])
    assert ["lo", "eth0", "br-mybridge"] == [i["name"] for i in imhost["interfaces"]]
    assert ["192.0.2.10/24", "fe80::2a/64"] == imhost["interfaces"][1]["addresses"]
    assert found["host"]["interfaces"] == imhost["interfaces"]
    assert ["imhost"] == found["host"]["containers"]
    assert ["imhost"] == [c["name"] for c in found["containers"] if "interfaces" in c]


def test_veths_are_counted_not_listed_for_a_container() -> None:
    """Ends of veth pairs are listed for the host, not for each container on it."""
    base = demo_on_host()
    veth = replace(
        base.host.interfaces[1],
        name="veth12ab",
        addresses=((ip_address("fe80::1"), 64),),
    )
    host = replace(base.host, interfaces=(*base.host.interfaces, veth))
    said = text(replace(base, host=host))

    assert 1 == said.count("veth12ab")
    assert "    and 1 interface known by no address" in said


def test_shared_network_stack() -> None:
    """Who shares whose network stack is said at both."""
    found = with_members(demo_on_host(), "bridge1", "sidecar")
    said = text(found)

    assert "bridge1: running; its network is shared by sidecar" in said
    assert "sidecar: running; shares the network of bridge1" in said
    assert "bridge1" == one(document(found)["containers"], "sidecar")["sandbox"]


def test_options_that_matter() -> None:
    """Everything of a network that changes who reaches whom is said."""
    odd = network(
        "odd",
        "10.1.0.0/24",
        internal=True,
        enable_icc="false",
        enable_ip_masquerade="false",
        gateway_mode_ipv4="routed",
    )
    said = text(topology((odd,), ()))

    assert (
        "odd: bridge driver, internal, icc off (containers do not reach each other), "
        "IPv4 gateway mode"
    ) in said.replace("\n    ", " ")
    assert "no masquerading" in said


def test_subnets() -> None:
    """Every IPAM entry is there, with the engine's own counts."""
    subnet = Subnet(
        prefix=ip_network("10.1.0.0/24"),
        gateway=ip_address("10.1.0.254"),
        ip_range=ip_network("10.1.0.128/25"),
        auxiliary=(("router", ip_address("10.1.0.9")),),
        addresses_used=3,
        dynamic_available=1200,
    )
    plain = network("two", "10.1.0.0/24", "fd00::/64")
    both = replace(plain, subnets=(subnet, plain.subnets[1]))
    found = topology((both,), ())

    assert (
        "    10.1.0.0/24, gateway 10.1.0.254, range 10.1.0.128/25, router reserves "
        "10.1.0.9, 3 used, 1,200 free\n"
        "    fd00::/64\n"
    ) in text(found)
    assert {
        "subnet": "10.1.0.0/24",
        "ip_version": 4,
        "gateway": "10.1.0.254",
        "ip_range": "10.1.0.128/25",
        "auxiliary": {"router": "10.1.0.9"},
        "addresses_used": 3,
        "dynamic_addresses_available": 1200,
    } == document(found)["networks"][0]["subnets"][0]


def test_endpoints() -> None:
    """A container on two networks has both; a network lists its containers."""
    found = document(joined())

    assert ["back", "front"] == [
        one_["network"] for one_ in one(found["containers"], "proxy")["endpoints"]
    ]
    assert ["proxy", "web"] == one(found["networks"], "front")["containers"]


def test_stopped_container() -> None:
    """A container that does not run is there, with its state and no sandbox."""
    gone = replace(container("gone"), running=False, status="exited")
    base = demo_on_host()
    found = replace(base, containers=(*base.containers, gone))

    assert "  gone: exited" in text(found)
    assert (False, None) == (
        one(document(found)["containers"], "gone")["running"],
        one(document(found)["containers"], "gone")["sandbox"],
    )


def test_engine_elsewhere() -> None:
    """An engine that runs elsewhere says why nothing is probed there."""
    base = demo_on_host()
    engine = replace(
        base.engine, local=False, local_reason="reached by TCP", address="tcp://h:2375"
    )

    assert "tcp://h:2375 · not probed: reached by TCP" in text(
        replace(base, engine=engine)
    )


def test_narrow() -> None:
    """Long lists of addresses are wrapped under each other."""
    one_ = network("net", "10.1.0.0/16", "fd00:1234:5678::/64")
    box = container("c", endpoint("c", one_, "10.1.0.2", "fd00:1234:5678::2"))
    said = text(topology((one_,), (box,)), width=60)

    assert [] == [line for line in said.splitlines() if width_of(line) > 60]
    assert "fd00:1234:5678::2/64" in said


def test_notices_and_hostile_names() -> None:
    """What does not work is said; no name or notice can break a line."""
    said = text(hostile(), "no\x1b[2Jhost")

    assert r"note: no\x1b[2Jhost" in said
    assert said.replace("\n", "").isprintable()


def test_no_engine() -> None:
    """Without an engine there is an empty document and one line of text."""
    empty = Snapshot(taken=snapshot(demo_on_host()).taken)

    assert ([], None) == (
        topology_document(empty)["networks"],
        topology_document(empty)["host"],
    )
    assert ["no engine has answered yet"] == list(
        painted(topology_text(empty, Page()), colour=False)
    )
