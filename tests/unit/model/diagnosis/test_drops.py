"""Silence that comes of rules: which hooks count, and whose rule it was."""

from ipaddress import ip_address

import pytest

from exporter.model.cause import Cause, CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.firewall import Fate, Hook, Packet, Step, Trace
from exporter.model.inspection import Inspection
from tests.fakes.crossing import ACROSS, CROSSING
from tests.fakes.filters import ACCEPTED, FakeFilter, step, stopped
from tests.fakes.inspections import (
    HOST_NAME,
    healthy,
    state_of,
    with_filter,
    with_macs,
    with_sysctl,
)
from tests.fakes.topologies import demo

DEMO = with_macs(demo())
FINE = healthy(DEMO)
ONE, TWO, MINE = "mybridge1", "mybridge2", "br-mybridge"
BETWEEN = f"container {ONE} {TWO}"
HOSTS, GATEWAYS = f"host host {ONE}", f"gateway {ONE} gateway"
AT_ONE, AT_TWO = ip_address("172.18.0.2"), ip_address("172.18.0.3")
GATEWAY = ip_address("172.18.0.1")
DROP = step("MINE", "-j DROP")
NF_CALL = "net.bridge.bridge-nf-call-iptables"


class Recorder:
    """A filter that drops one packet and remembers all of them."""

    unread = ()

    def __init__(self, hook: Hook, *, reply: bool = False) -> None:
        self._hook, self._reply = hook, reply
        self.dropped: list[Packet] = []

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return nothing."""
        del table, name
        return None

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Drop at one hook, in one direction."""
        if (hook, packet.reply) != (self._hook, self._reply):
            return ACCEPTED
        self.dropped.append(packet)
        return stopped(DROP)


def causes(inspection: Inspection, what: str = BETWEEN) -> tuple[Cause, ...]:
    """Return the causes of a silent pair, of the demo or from bridge to bridge."""
    found = CROSSING if what == ACROSS else DEMO
    return causes_of(state_of(found, what), found, inspection)


PASSAGES = [
    # what, where, hook, reply, in, out
    (BETWEEN, ONE, Hook.OUTPUT, False, None, "eth0"),
    (BETWEEN, ONE, Hook.POSTROUTING, False, None, "eth0"),
    (BETWEEN, HOST_NAME, Hook.PREROUTING, False, MINE, None),
    (BETWEEN, HOST_NAME, Hook.FORWARD, False, MINE, MINE),
    (BETWEEN, HOST_NAME, Hook.POSTROUTING, False, None, MINE),
    (BETWEEN, TWO, Hook.PREROUTING, False, "eth0", None),
    (BETWEEN, TWO, Hook.INPUT, False, "eth0", None),
    (BETWEEN, TWO, Hook.OUTPUT, True, None, "eth0"),
    (BETWEEN, HOST_NAME, Hook.FORWARD, True, MINE, MINE),
    (BETWEEN, ONE, Hook.INPUT, True, "eth0", None),
    (HOSTS, HOST_NAME, Hook.OUTPUT, False, None, MINE),
    (HOSTS, ONE, Hook.INPUT, False, "eth0", None),
    (HOSTS, ONE, Hook.OUTPUT, True, None, "eth0"),
    (HOSTS, HOST_NAME, Hook.INPUT, True, MINE, None),
    (GATEWAYS, ONE, Hook.OUTPUT, False, None, "eth0"),
    (GATEWAYS, HOST_NAME, Hook.PREROUTING, False, MINE, None),
    (GATEWAYS, HOST_NAME, Hook.INPUT, False, MINE, None),
    (GATEWAYS, HOST_NAME, Hook.OUTPUT, True, None, MINE),
    (GATEWAYS, ONE, Hook.INPUT, True, "eth0", None),
    (ACROSS, "from", Hook.OUTPUT, False, None, "eth0"),
    (ACROSS, HOST_NAME, Hook.PREROUTING, False, "br-nat", None),
    (ACROSS, HOST_NAME, Hook.FORWARD, False, "br-nat", "br-routed"),
    (ACROSS, "to", Hook.INPUT, False, "eth0", None),
    (ACROSS, HOST_NAME, Hook.FORWARD, True, "br-routed", "br-nat"),
    (ACROSS, "from", Hook.INPUT, True, "eth0", None),
]


@pytest.mark.parametrize(
    ("what", "where", "hook", "reply", "into", "out"),
    [
        pytest.param(*case, id=f"{case[0]}: {case[1]} {case[2]} reply={case[3]}")
        for case in PASSAGES
    ],
)
def test_every_passage_counts(
    *, what: str, where: str, hook: Hook, reply: bool, into: str | None, out: str | None
) -> None:
    """A drop at any hook that the packet or its reply meets is the cause."""
    filtering = Recorder(hook, reply=reply)
    start = healthy(CROSSING) if what == ACROSS else FINE

    (found,) = causes(with_filter(start, where, filtering), what)

    behind = " (the reply)" if reply else ""
    assert (CauseId.DROPPED_BY_RULE, True) == (found.id, found.certain)
    assert (
        f"{where}, table filter, chain MINE: -A MINE -j DROP{behind}",
    ) == found.evidence
    assert [(into, out)] == [
        (one.in_interface, one.out_interface) for one in filtering.dropped
    ]


@pytest.mark.parametrize(
    ("what", "where", "hook", "reply"),
    [
        pytest.param(BETWEEN, HOST_NAME, Hook.INPUT, False, id="not for the host"),
        pytest.param(BETWEEN, HOST_NAME, Hook.OUTPUT, False, id="nor made there"),
        pytest.param(BETWEEN, TWO, Hook.FORWARD, False, id="containers forward none"),
        pytest.param(BETWEEN, TWO, Hook.OUTPUT, False, id="the request is not its own"),
        pytest.param(HOSTS, HOST_NAME, Hook.FORWARD, False, id="made on the host"),
        pytest.param(GATEWAYS, HOST_NAME, Hook.FORWARD, False, id="for the host"),
        pytest.param(
            ACROSS, HOST_NAME, Hook.PREROUTING, True, id="a reply to the host"
        ),
    ],
)
def test_other_hooks_do_not_count(
    what: str, where: str, hook: Hook, reply: bool
) -> None:
    """What the packet does not meet cannot stop it."""
    start = healthy(CROSSING) if what == ACROSS else FINE

    assert () == causes(with_filter(start, where, Recorder(hook, reply=reply)), what)


class TestBridgedTraffic:
    """Packets from port to port of one bridge."""

    @pytest.mark.parametrize("value", ["0", None])
    def test_is_hidden_from_the_filter(self, value: str | None) -> None:
        """Without br_netfilter no rule of the host's can have stopped it."""
        dropping = with_filter(FINE, HOST_NAME, Recorder(Hook.FORWARD))

        assert () == causes(with_sysctl(dropping, HOST_NAME, NF_CALL, value))

    def test_is_shown_by_family(self) -> None:
        """The sysctl of the other family does not matter."""
        dropping = with_filter(FINE, HOST_NAME, Recorder(Hook.FORWARD))
        off = with_sysctl(dropping, HOST_NAME, f"{NF_CALL[:-8]}ip6tables", "0")

        assert [CauseId.DROPPED_BY_RULE] == [one.id for one in causes(off)]


class TestAddresses:
    """What the packet carries."""

    @pytest.mark.parametrize(
        ("what", "where", "expected"),
        [
            (BETWEEN, HOST_NAME, (AT_ONE, AT_TWO)),
            (HOSTS, ONE, (GATEWAY, AT_ONE)),
            (GATEWAYS, HOST_NAME, (AT_ONE, GATEWAY)),
        ],
    )
    def test_of_the_request(
        self, what: str, where: str, expected: tuple[object, object]
    ) -> None:
        """The source's own and the destination's; of the host, its bridge's."""
        filtering = Recorder(Hook.PREROUTING)
        causes(with_filter(FINE, where, filtering), what)

        assert expected == (
            filtering.dropped[0].source,
            filtering.dropped[0].destination,
        )

    def test_of_a_masqueraded_request(self) -> None:
        """The destination sees the host's address on its own bridge."""
        there, back = Recorder(Hook.INPUT), Recorder(Hook.OUTPUT, reply=True)
        start = healthy(CROSSING)
        causes(with_filter(start, "to", there), ACROSS)
        causes(with_filter(start, "to", back), ACROSS)

        host, target = ip_address("172.21.0.1"), ip_address("172.21.0.2")
        assert (host, target) == (there.dropped[0].source, there.dropped[0].destination)
        assert (target, host) == (back.dropped[0].source, back.dropped[0].destination)

    def test_of_the_reply(self) -> None:
        """They change places."""
        filtering = Recorder(Hook.INPUT, reply=True)
        causes(with_filter(FINE, ONE, filtering))

        assert (AT_TWO, AT_ONE) == (
            filtering.dropped[0].source,
            filtering.dropped[0].destination,
        )


def forwarding(trace: Trace) -> Inspection:
    """Return the healthy host with a trace at the forward hook."""
    return with_filter(FINE, HOST_NAME, FakeFilter(traces={Hook.FORWARD: trace}))


class TestWhose:
    """Whose rule it was."""

    USER = step("FORWARD", "-j DOCKER-USER")
    RETURNED = step("DOCKER-USER", "-j RETURN")

    @pytest.mark.parametrize("fate", [Fate.DROP, Fate.REJECT])
    def test_the_users(self, fate: Fate) -> None:
        """A rule in DOCKER-USER is told from others."""
        trace = stopped(self.USER, step("DOCKER-USER", "-j DROP"), fate=fate)

        (found,) = causes(forwarding(trace))

        assert (CauseId.DOCKER_USER_DROPS, True) == (found.id, found.certain)
        line = "host, table filter, chain DOCKER-USER: -A DOCKER-USER -j DROP"
        assert (line,) == found.evidence

    def test_in_a_chain_that_the_users_leads_to(self) -> None:
        """A chain of theirs that DOCKER-USER jumps to is theirs."""
        trace = stopped(
            self.USER, step("DOCKER-USER", "-j GEO"), step("GEO", "-j DROP")
        )

        assert [CauseId.DOCKER_USER_DROPS] == [c.id for c in causes(forwarding(trace))]

    def test_after_the_users_returned(self) -> None:
        """What comes after DOCKER-USER has returned is not in it."""
        trace = stopped(self.USER, self.RETURNED, step("FORWARD", "-j DROP"))

        assert [CauseId.DROPPED_BY_RULE] == [c.id for c in causes(forwarding(trace))]

    def test_in_another_chain_after_the_users_returned(self) -> None:
        """Nor is a chain that FORWARD jumps to afterwards."""
        trace = stopped(
            self.USER,
            self.RETURNED,
            step("FORWARD", "-j GEO"),
            step("GEO", "-j DROP"),
        )

        assert [CauseId.DROPPED_BY_RULE] == [c.id for c in causes(forwarding(trace))]

    def test_a_policy(self) -> None:
        """A closed chain without a rule that fits."""
        policy = Step(table="filter", chain="FORWARD", rule="policy DROP")

        (found,) = causes(forwarding(stopped(policy)))

        assert ("host, table filter, chain FORWARD: policy DROP",) == found.evidence

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("-m statistic --mode random -j DROP", [False]),
            ("-m string --string x -j REJECT", [False]),
            ("-m statistic --mode random -j ACCEPT", []),
            ("-m mystery -j QUEUE", []),
        ],
    )
    def test_a_rule_that_is_not_understood(
        self, text: str, expected: list[bool]
    ) -> None:
        """It is named where it may stop the packet, and never as certain."""
        trace = stopped(step("FORWARD", text), fate=Fate.UNCLEAR)

        assert expected == [one.certain for one in causes(forwarding(trace))[:1]]

    def test_the_first_drop_is_told_of_each_direction(self) -> None:
        """What would come after a drop is never met."""
        both = FakeFilter(
            traces={Hook.PREROUTING: stopped(DROP), Hook.INPUT: stopped(DROP)}
        )

        found = causes(with_filter(FINE, TWO, both))

        assert [f"{TWO}, table filter, chain MINE: -A MINE -j DROP"] == [
            one.evidence[0] for one in found
        ]


def test_a_filter_that_could_not_be_read() -> None:
    """Nothing is said of rules that are not known."""
    assert () == causes(with_filter(FINE, HOST_NAME, None))
