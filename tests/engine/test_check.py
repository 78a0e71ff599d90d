"""The commands that look once, on the demo of every engine: what a user gets."""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.lab.engine import HOST_IPV4, HOST_IPV6
from tests.lab.exporter import Pair, Ran, named, run_exporter
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import Running, demo_topology

KEYS = ["schema", "engine", "started", "duration_seconds", "summary", "notices"]
PAIR_KEYS = ["scope", "source", "source_network", "destination", "destination_network"]
PAIR_KEYS += ["destination_address", "ip_version", "protocol"]
SEEN_KEYS = ["expected", "expected_by", "observed", "result", "rtt_seconds"]
SEEN_KEYS += ["controls", "verdict"]
VERDICTS = ["as_expected", "unexpected_reachable", "unexpected_unreachable"]
VERDICTS += ["unverified", "not_judged", "skipped"]
SOON = ("--timeout", "300ms")
"""Wait less for what does not answer; the answers of one machine take below 1 ms."""
HOME = {
    "mybridge1": "mybridge",
    "mybridge2": "mybridge",
    "bridge1": "bridge",
    "bridge2": "bridge",
}
"""The network of each container with an address of its own."""


pytestmark = pytest.mark.every_engine


@pytest.fixture(scope="module")
def demo(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """The demo, once for all tests of this module: none of them changes it."""
    with demo_topology(engine_pool.shared(engine_suite)) as running:
        yield running
    engine_pool.settle()


@pytest.fixture(scope="module")
def checked(demo: Running) -> Ran:
    """What `check --json` says of the demo."""
    return run_exporter("check", "--json", engine=demo.engine.base_url)


def topology_of(demo: Running) -> Mapping[str, Any]:
    """Return what `topology --json` says of the demo."""
    ran = run_exporter("topology", "--json", engine=demo.engine.base_url)
    assert (0, "") == (ran.status, ran.err)
    return ran.document


def of_scope(ran: Ran, scope: str) -> Mapping[str, Pair]:
    """Return the pairs of a scope by their names."""
    return {named(pair): pair for pair in ran.pairs if pair["scope"] == scope}


class TestJson:
    """`check --json`."""

    def test_all_is_as_promised(self, checked: Ran) -> None:
        """Everything was looked at, nothing is wrong, and nothing else is said."""
        assert (0, "") == (checked.status, checked.err)
        assert {"as_expected": 24} == checked.summary
        assert [] == checked.document["notices"]

    def test_containers(self, checked: Ran, demo: Running) -> None:
        """Each pair: same bridge reachable, other bridge isolated and verified."""
        found = of_scope(checked, "container")

        assert {
            f"container {source} {destination}": {
                "source_network": HOME[source],
                "destination_network": HOME[destination],
                "destination_address": demo.address(destination, HOME[destination]),
                "ip_version": 4,
                "protocol": "icmp",
                **promise(source, destination),
                "controls": {"source": True, "destination": True},
                "verdict": "as_expected",
            }
            for source in HOME
            for destination in HOME
            if source != destination
        } == {
            name: {
                key: value
                for key, value in pair.items()
                if key not in ("scope", "source", "destination", "rtt_seconds")
            }
            for name, pair in found.items()
        }

    def test_host_and_gateways(self, checked: Ran, demo: Running) -> None:
        """The host reaches all four, and each of them its own gateway."""
        gateways = {name: gateway_of(demo, name) for name in HOME}
        addresses = {name: demo.address(name, HOME[name]) for name in HOME}

        assert {
            **{f"host host {name}": (addresses[name], "ok") for name in HOME},
            **{f"gateway {name} gateway": (gateways[name], "ok") for name in HOME},
        } == {
            name: (pair["destination_address"], pair["result"])
            for scope in ("host", "gateway")
            for name, pair in of_scope(checked, scope).items()
        }

    def test_names(self, checked: Ran, demo: Running) -> None:
        """On the user's network each resolves to the right address, else none."""
        one, two = (demo.address(f"mybridge{n}", "mybridge") for n in (1, 2))

        assert {
            "name mybridge1 mybridge2": ("mybridge2", [two], "reachable"),
            "name mybridge2 mybridge1": ("mybridge1", [one], "reachable"),
            "name bridge1 bridge2": ("bridge2", [], "isolated"),
            "name bridge2 bridge1": ("bridge1", [], "isolated"),
        } == {
            name: (pair["name"], pair["resolved"], pair["expected"])
            for name, pair in of_scope(checked, "name").items()
        }

    def test_round_trips_are_times(self, checked: Ran) -> None:
        """Where something answered there is a time, well below a second, else null."""
        answered = [
            pair["rtt_seconds"]
            for pair in checked.pairs
            if pair["observed"] == "reachable" and pair["protocol"] == "icmp"
        ]

        assert 12 == len(answered)
        assert all(0 < rtt < 0.5 for rtt in answered)
        assert [None] * 10 == [
            pair["rtt_seconds"]
            for pair in checked.pairs
            if pair["observed"] == "unreachable"
        ]

    def test_keys_and_their_order(self, checked: Ran, demo: Running) -> None:
        """Programs read it: keys, their order and the pairs' order stay."""
        head, pairs = checked.document, checked.pairs
        engine = {
            "version": demo.engine.docker.version()["Version"],
            "api_version": demo.engine.docker.version()["ApiVersion"],
        }

        assert [*KEYS, "pairs"] == list(head)
        assert (1, engine) == (head["schema"], head["engine"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head["started"])
        assert 0 < head["duration_seconds"] < checked.took_s
        assert VERDICTS == list(head["summary"])
        assert {"icmp": PAIR_KEYS + SEEN_KEYS} == {
            pair["protocol"]: list(pair) for pair in pairs if pair["scope"] != "name"
        }
        assert {"dns": [*PAIR_KEYS, "name", "resolved", *SEEN_KEYS]} == {
            pair["protocol"]: list(pair) for pair in pairs if pair["scope"] == "name"
        }
        scopes = ["container", "host", "gateway", "name"]
        assert scopes == list(dict.fromkeys(pair["scope"] for pair in pairs))
        assert pairs == sorted(
            pairs,
            key=lambda p: (scopes.index(p["scope"]), p["source"], p["destination"]),
        )


def promise(source: str, destination: str) -> Mapping[str, str]:
    """Return what is promised for two containers of the demo, and what is seen."""
    if HOME[source] == HOME[destination]:
        return {
            "expected": "reachable",
            "expected_by": "same-bridge",
            "observed": "reachable",
            "result": "ok",
        }
    return {
        "expected": "isolated",
        "expected_by": "different-bridges",
        "observed": "unreachable",
        "result": "timeout",
    }


def gateway_of(demo: Running, name: str) -> str:
    """Return the gateway that the engine gave a container."""
    networks = demo.container(name).attrs["NetworkSettings"]["Networks"]
    return str(networks[HOME[name]]["Gateway"])


class TestTopology:
    """`topology`."""

    def test_imhost_shows_the_hosts_interfaces(self, demo: Running) -> None:
        """Name, state and every address, as the kernel of its namespace has them."""
        found = topology_of(demo)
        (imhost,) = (c for c in found["containers"] if c["name"] == "imhost")
        kernel = {
            link["ifname"]: [
                f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]
            ]
            for link in json.loads(demo.engine.run_in_host(["ip", "-j", "addr"]).stdout)
        }
        shown = {i["name"]: i["addresses"] for i in imhost["interfaces"]}

        assert ("host", "host") == (imhost["network_mode"], imhost["sandbox"])
        assert kernel == shown
        assert f"{HOST_IPV4}/24" in shown["eth0"]
        assert f"{HOST_IPV6}/64" in shown["eth0"]
        assert {"docker0", demo.bridge("mybridge")} <= set(shown)
        assert found["host"]["interfaces"] == imhost["interfaces"]
        assert (["imhost"], True) == (
            found["host"]["containers"],
            found["host"]["available"],
        )

    def test_containers_with_their_addresses(self, demo: Running) -> None:
        """Every endpoint with what the engine says of it."""
        found = topology_of(demo)

        assert {
            name: [
                {
                    "network": HOME[name],
                    "address": demo.address(name, HOME[name]),
                    "gateway": gateway_of(demo, name),
                }
            ]
            for name in HOME
        } | {"imhost": []} == {
            container["name"]: [
                {
                    "network": endpoint["network"],
                    "address": one["address"],
                    "gateway": one["gateway"],
                }
                for endpoint in container["endpoints"]
                for one in endpoint["addresses"]
            ]
            for container in found["containers"]
        }
        bridges = {n["name"]: n["bridge"] for n in found["networks"] if n["bridge"]}
        assert {"bridge": "docker0", "mybridge": demo.bridge("mybridge")} == bridges

    def test_text_shows_the_same(self, demo: Running) -> None:
        """For a person: imhost with the host's interfaces and addresses."""
        ran = run_exporter("topology", engine=demo.engine.base_url)
        imhost = ran.out.partition("imhost: running")[2].partition("mybridge1:")[0]

        assert (0, "") == (ran.status, ran.err)
        assert "on the host's network" in imhost
        for address in ("127.0.0.1/8", f"{HOST_IPV4}/24", f"{HOST_IPV6}/64"):
            assert address in imhost
        assert all(demo.address(name, HOME[name]) in ran.out for name in HOME)


class TestJunit:
    """`check --junit`."""

    def test_beside_the_matrix(self, demo: Running, tmp_path: Path) -> None:
        """A file with a case for each pair, none of them bad; the matrix as ever.

        The matrix goes into a pipe: rows and columns by network, no colours.
        """
        file = tmp_path / "report.xml"

        ran = run_exporter("check", "--junit", str(file), engine=demo.engine.base_url)

        root = ET.fromstring(file.read_text())  # noqa: S314 - we have just written it
        cases = root.findall("testsuite/testcase")
        lines = ran.out.splitlines()
        assert (0, "") == (ran.status, ran.err)
        assert ("24", "0", "0", "0") == counts_of(root)
        # Containers between the networks 4, host 2, gateways 2, names 2.
        assert (10, 24) == (len(root), sum(int(s.get("tests", "")) for s in root))
        assert [] == [case for case in cases if len(case)]
        assert 24 == len({(c.get("classname"), c.get("name")) for c in cases})
        assert "\x1b" not in ran.out
        assert 100 >= max(map(len, lines))
        assert [
            ["bridge1", "✓", "·", "·"],
            ["bridge2", "✓", "·", "·"],
            ["mybridge1", "·", "·", "✓"],
            ["mybridge2", "·", "·", "✓"],
        ] == rows_of(lines)
        assert "✓ 24 pairs are all as Docker promises." == lines[-1]

    def test_to_standard_output(self, demo: Running) -> None:
        """`-` writes it in place of the matrix."""
        ran = run_exporter("check", "--junit", "-", *SOON, engine=demo.engine.base_url)

        root = ET.fromstring(ran.out)  # noqa: S314 - our own program's

        assert (0, ("24", "0", "0", "0")) == (ran.status, counts_of(root))


def counts_of(root: ET.Element) -> tuple[str | None, ...]:
    """Return how many cases there are, and how many of them are bad in which way."""
    names = ("tests", "failures", "errors", "skipped")
    return tuple(root.get(name) for name in names)


class TestAsked:
    """What is asked for in particular."""

    def test_explain(self, demo: Running) -> None:
        """One pair: both ends, the promise with its rule, what was seen, and why."""
        ran = run_exporter(
            "explain", "mybridge1", "bridge2", engine=demo.engine.base_url
        )

        assert (0, "") == (ran.status, ran.err)
        for wanted in (
            demo.address("mybridge1", "mybridge"),
            demo.address("bridge2"),
            "(different-bridges)",
            "source alive, destination alive",
            "· mybridge1 → bridge2: isolated, as promised",
        ):
            assert wanted in ran.out

    def test_explain_by_id_as_json(self, demo: Running) -> None:
        """By the beginnings of two ids: both scopes of the pair, with its packets."""
        ids = [demo.container(f"mybridge{n}").id or "" for n in (1, 2)]

        ran = run_exporter(
            "explain", "--json", *(i[:12] for i in ids), engine=demo.engine.base_url
        )

        assert 0 == ran.status
        assert [("container", "reachable"), ("name", "reachable")] == [
            (pair["scope"], pair["observed"]) for pair in ran.pairs
        ]
        assert {"sent": 1, "received": 1, "duplicates": 0, "late": 0} == ran.pairs[0][
            "packets"
        ]

    def test_one_network(self, demo: Running) -> None:
        """`--network`: the pairs with an end there (all but eight), and no others."""
        ran = run_exporter(
            "check",
            "--json",
            *("--network", "mybridge"),
            *SOON,
            engine=demo.engine.base_url,
        )

        assert (0, {"as_expected": 16}) == (ran.status, ran.summary)
        assert all(
            "mybridge" in (pair["source_network"], pair["destination_network"])
            for pair in ran.pairs
        )


def rows_of(lines: Sequence[str]) -> list[list[str]]:
    """Return the matrix's rows: source and symbols."""
    return [line.split() for line in lines if re.match(r"^ +\w+\d +[·✓?!✗]", line)]


def test_addresses_of_the_document_are_addresses(checked: Ran) -> None:
    """Every address is one of its family."""
    assert all(
        pair["ip_version"] == ipaddress.ip_address(pair["destination_address"]).version
        for pair in checked.pairs
    )
