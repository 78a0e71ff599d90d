"""The packet filter of real engines: what is read, and which rule is named."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from exporter.model.firewall import Fate, Hook, Packet, Ruleset, Step, Trace
from exporter.netfilter.read import read_ruleset
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.engine import Engine
from tests.lab.fixtures import StartTopology
from tests.lab.topology import ContainerSpec, NetworkSpec, Running, Topology

pytestmark = pytest.mark.every_engine

_NAME = "com.docker.network.bridge.name"
TWO = Topology(
    networks=(
        NetworkSpec(name="one", options={_NAME: "br-one"}),
        NetworkSpec(name="two", options={_NAME: "br-two"}),
    ),
    containers=(
        ContainerSpec(name="aa", networks=("one",)),
        ContainerSpec(name="a2", networks=("one",)),
        ContainerSpec(name="bb", networks=("two",)),
    ),
)
RAW_SINCE = (28, 0)
"""The release that drops packets to a container before they are routed."""


@pytest.fixture
def two(topology: StartTopology) -> Running:
    """Two bridges: aa and a2 on br-one, bb on br-two."""
    return topology(TWO)


def rules_in(path: str) -> Ruleset:
    """Return the rules of a namespace."""
    with open_namespace(NamespaceRef(path=path)) as namespace:
        return namespace.run(lambda: read_ruleset(4))


def crossing(two: Running) -> dict[Hook, Trace]:
    """Return what a packet from aa to bb meets in the host's namespace."""
    ruleset = rules_in(two.engine.netns)
    found = {}
    for hook, out in (
        (Hook.PREROUTING, None),
        (Hook.FORWARD, "br-two"),
        (Hook.POSTROUTING, "br-two"),
    ):
        packet = Packet(
            ip_version=4,
            source=ip_address(two.address("aa", "one")),
            destination=ip_address(two.address("bb", "two")),
            in_interface="br-one",
            out_interface=out,
        )
        found[hook] = ruleset.trace(hook, packet)
    return found


def passes(traces: dict[Hook, Trace]) -> bool:
    """Return whether a packet gets through; there must be no doubt."""
    assert Fate.UNCLEAR not in {trace.fate for trace in traces.values()}
    return all(trace.fate is Fate.ACCEPT for trace in traces.values())


def answers(two: Running) -> bool:
    """Return whether bb answers aa."""
    address = two.address("bb", "two")
    done = two.engine.run_in_container(
        "aa", ["ping", "-c1", "-W1", address], check=False
    )
    return done.returncode == 0


def isolating(engine: Engine, two: Running) -> tuple[Hook, Step]:
    """Return the rule that isolates bb from other bridges, by release."""
    if engine.release >= RAW_SINCE:
        address = two.address("bb", "two")
        rule = f"-A PREROUTING -d {address}/32 ! -i br-two -j DROP"
        return Hook.PREROUTING, Step(table="raw", chain="PREROUTING", rule=rule)
    chain = "DOCKER-ISOLATION-STAGE-2"
    rule = f"-A {chain} -o br-two -j DROP"
    return Hook.FORWARD, Step(table="filter", chain=chain, rule=rule)


def saved(engine: Engine, table: str) -> dict[str, tuple[str, ...]]:
    """Return the chains of a table as the engine's own iptables lists them."""
    lines = engine.iptables("-t", table, "-S").splitlines()
    names = {line.split()[1] for line in lines if line.startswith("-A")}
    return {
        name: tuple(line for line in lines if line.startswith(f"-A {name} "))
        for name in names
    }


@pytest.mark.parametrize("table", ["raw", "mangle", "nat", "filter"])
def test_every_rule_is_read(engine: Engine, two: Running, table: str) -> None:
    """The engine's rules read as its own iptables lists them."""
    ruleset = rules_in(engine.netns)

    assert ruleset.has_docker_chains
    assert () == ruleset.unread
    for name, lines in saved(engine, table).items():
        assert lines == ruleset.chain(table, name)


def test_isolation_is_by_the_engines_rule(engine: Engine, two: Running) -> None:
    """What keeps two bridges apart is named, and it does keep them apart."""
    hook, step = isolating(engine, two)

    traces = crossing(two)

    assert (Fate.DROP, step) == (traces[hook].fate, traces[hook].decided_by)
    assert not passes(traces)
    assert not answers(two)


@pytest.mark.parametrize(
    ("tamper", "breaks", "decides"),
    [
        pytest.param(
            ("-I", "DOCKER-USER", "-j", "ACCEPT"),
            lambda _: True,
            "-A DOCKER-USER -j ACCEPT",
            id="docker-user-accept",
        ),
        pytest.param(
            ("-F", "DOCKER-ISOLATION-STAGE-1"),
            lambda release: release < RAW_SINCE,
            "-A FORWARD -i br-one ! -o br-one -j ACCEPT",
            id="isolation-flushed",
        ),
    ],
)
def test_the_rule_that_breaks_isolation(
    engine: Engine,
    two: Running,
    tamper: tuple[str, ...],
    breaks: Callable[[tuple[int, int]], bool],
    decides: str,
) -> None:
    """What lets a packet cross is named, exactly where the packet does cross."""
    is_broken = breaks(engine.release)
    engine.iptables(*tamper)
    if engine.release >= RAW_SINCE:  # there is a second line of defence
        assert not passes(crossing(two))
        assert not answers(two)
        engine.iptables("-t", "raw", "-F", "PREROUTING")

    traces = crossing(two)

    assert is_broken == passes(traces)
    assert is_broken == answers(two)
    forward = traces[Hook.FORWARD]
    assert forward.decided_by is not None
    if is_broken:
        assert (Fate.ACCEPT, decides) == (forward.fate, forward.decided_by.rule)
    else:
        assert "-A DOCKER ! -i br-two -o br-two -j DROP" == forward.decided_by.rule


def test_a_containers_own_rules(engine: Engine, two: Running) -> None:
    """The redirection to the engine's name server is read in the container."""
    ruleset = rules_in(f"/proc/{engine.pid_of('aa')}/ns/net")

    rules = ruleset.chain("nat", "DOCKER_OUTPUT")

    assert rules is not None
    assert {"tcp", "udp"} == {rule.split(" -p ")[1].split()[0] for rule in rules}
    assert all("--dport 53 -j DNAT --to-destination 127.0.0.11:" in r for r in rules)
