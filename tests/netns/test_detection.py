"""The real kernel tells of flushed rules, lost links and addresses, and we hear it."""

import select
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.detection.host import Notifications, Subscription
from exporter.detection.kernel import KernelHost, joined
from exporter.detection.nftables import parse_tables
from exporter.detection.touched import NOTHING, Touched
from exporter.hostns import HostFound
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainLab

_LIMIT_S = 5.0
_RULES = "*filter\n:ISO - [0:0]\n-A FORWARD -j ISO\n-A ISO -j DROP\nCOMMIT\n"
_JOIN = """
from exporter.detection.kernel import joined
for protocol, groups in ((12, (7,)), (0, (1, 5, 9))):
    try:
        joined(protocol, groups).close()
        print("joined")
    except PermissionError:
        print("refused")
"""


def host_of(lab: PlainLab) -> HostFound:
    """Return a lab's host as the program finds it."""
    ref = NamespaceRef(path=lab.host.path)
    with open_namespace(ref) as namespace:
        return HostFound(ref=ref, source="configured", identity=namespace.identity())


class Ears:
    """A lab's host, listened to."""

    def __init__(self, lab: PlainLab) -> None:
        """Subscribe."""
        self.lab = lab
        self.found = host_of(lab)
        self.open: Subscription = KernelHost().subscribe(self.found)
        assert self.open.refusals == {}

    def rules(self) -> Touched:
        """Return what is told of tables."""
        return hear(self.open.nftables, parse_tables, lambda t: bool(t.processes))

    def links(self, enough: Callable[[Touched], bool] = bool) -> Touched:
        """Return what is told of links that matters."""
        return hear(self.open.links, self.open.table.note, enough)


def hear(
    source: Notifications | None,
    parse: Callable[[bytes], Touched],
    enough: Callable[[Touched], bool],
) -> Touched:
    """Read until what was told is enough, in a bounded time."""
    assert source is not None
    touched, limit_s = NOTHING, time.monotonic() + _LIMIT_S
    while not enough(touched):
        left_s = limit_s - time.monotonic()
        assert select.select([source.fileno()], [], [], left_s)[0], f"only {touched}"
        told = source.read()
        assert not told.lost
        for datagram in told.datagrams:
            touched |= parse(datagram)
    return touched


def descriptors() -> set[str]:
    """Return what this process has open."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def ears(netns_lab: MakePlainLab) -> Iterator[Ears]:
    """A lab of two bridges with rules, listened to from then on."""
    lab = netns_lab(containers=1, bridges=2)
    lab.host.run(["iptables-restore"], stdin=_RULES)
    heard = Ears(lab)
    yield heard
    heard.open.close()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["iptables", "-F"], id="flush of all chains"),
        pytest.param(["iptables", "-F", "ISO"], id="flush of one"),
        pytest.param(["iptables", "-I", "ISO", "-j", "RETURN"], id="a rule before"),
        pytest.param(["iptables", "-P", "FORWARD", "ACCEPT"], id="policy"),
        pytest.param(["iptables-restore"], id="restore of nothing"),
    ],
)
def test_changed_rules_are_told(ears: Ears, command: list[str]) -> None:
    """The table, and the program that did it."""
    rules = "*filter\nCOMMIT\n" if command == ["iptables-restore"] else None
    ears.lab.host.run(command, stdin=rules)
    touched = ears.rules()

    assert touched.tables == {"ip filter"}
    assert [n for n in touched.processes if n.startswith("iptables")]


def test_listed_rules_are_not(ears: Ears) -> None:
    """Reading changes nothing, and the next change is not mixed up with it."""
    ears.lab.host.run(["iptables-save"])
    ears.lab.host.run(["ip6tables", "-A", "FORWARD", "-j", "DROP"])

    assert ears.rules().tables == {"ip6 filter"}


def test_rules_of_other_namespaces_are_not_heard(ears: Ears) -> None:
    """Every container's namespace has rules of its own, for its DNS."""
    ears.lab.containers[0].namespace.run(["iptables", "-A", "OUTPUT", "-j", "ACCEPT"])
    ears.lab.host.run(["ip6tables", "-A", "FORWARD", "-j", "DROP"])

    assert ears.rules().tables == {"ip6 filter"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("link set veth0-1 down", Touched(bridges=frozenset({"br0"}))),
        ("link set veth0-1 nomaster", Touched(bridges=frozenset({"br0"}))),
        ("link del veth0-1", Touched(bridges=frozenset({"br0"}))),
        ("link set veth0-1 master br1", Touched(bridges=frozenset({"br0", "br1"}))),
        (
            "link set veth0-1 type bridge_slave isolated on",
            Touched(bridges=frozenset({"br0"})),
        ),
        ("link set br1 down", Touched(hosts=frozenset({"br1"}))),
        ("address del 10.213.1.1/24 dev br1", Touched(hosts=frozenset({"br1"}))),
        ("address add 10.9.9.9/24 dev br0", Touched(hosts=frozenset({"br0"}))),
        ("address add fd00:9::9/64 dev br0 nodad", Touched(hosts=frozenset({"br0"}))),
    ],
)
def test_changed_links_are_told(ears: Ears, command: str, expected: Touched) -> None:
    """By the bridge that they are of."""
    ears.lab.host.ip(command)
    touched = ears.links(
        lambda t: expected.bridges <= t.bridges and expected.hosts <= t.hosts
    )

    assert expected.bridges <= touched.bridges
    assert expected.hosts <= touched.hosts
    assert touched.bridges | touched.hosts <= {"br0", "br1"}


def test_a_containers_own_link_is_told_by_its_port(ears: Ears) -> None:
    """Its end is in another namespace; the port loses its carrier."""
    ears.lab.containers[0].namespace.ip("link set eth0 down")

    assert ears.links().bridges == {"br0"}


def test_links_that_carry_nothing_are_passed_over(ears: Ears) -> None:
    """As of a container that is being made: until its port is on a bridge."""
    ears.lab.host.ip("link add x type veth peer name y", "link set x up", "link del x")
    ears.lab.host.ip("address add 10.9.9.9/24 dev br0")

    assert ears.links() == Touched(hosts=frozenset({"br0"}))


def test_what_came_too_fast_is_known_to_be_lost(ears: Ears) -> None:
    """Thousands of rules while nobody reads: the socket tells that some are missing."""
    rules = "\n".join(
        f"-A ISO -s 10.0.{n // 250}.{n % 250} -j DROP" for n in range(20000)
    )
    ears.lab.host.run(
        ["iptables-restore", "--noflush"], stdin=f"*filter\n{rules}\nCOMMIT\n"
    )
    source = ears.open.nftables
    assert source is not None
    lost, limit_s = False, time.monotonic() + _LIMIT_S
    while not lost and time.monotonic() < limit_s:
        lost = source.read().lost

    assert lost


def test_looks_see_sysctls_and_older_tables(ears: Ears) -> None:
    """Those of the host's namespace, not of ours."""
    kernel = KernelHost()
    before = kernel.look(ears.found)
    ears.lab.host.set_sysctls({"net/ipv4/ip_forward": 1})
    ears.lab.host.run(["iptables-legacy", "-A", "FORWARD", "-j", "DROP"])
    after = kernel.look(ears.found)

    assert before.sysctls["net.ipv4.ip_forward"] == "0"
    assert after.sysctls["net.ipv4.ip_forward"] == "1"
    assert (before.legacy, after.legacy) == ((), ("iptables-legacy filter",))
    assert after.unread == ()


def test_without_the_capability_links_alone_are_told(ears: Ears) -> None:
    """The kernel keeps netfilter's groups for CAP_NET_ADMIN."""
    done = ears.lab.host.run(
        [
            *("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"),
            *(sys.executable, "-c", _JOIN),
        ]
    )

    assert done.stdout.split() == ["refused", "joined"]


def test_nothing_is_left_open(netns_lab: MakePlainLab) -> None:
    """Neither after use nor where joining is refused."""
    lab = netns_lab(containers=0)
    found = host_of(lab)
    before = descriptors()

    for _ in range(3):
        KernelHost().subscribe(found).close()
        KernelHost().look(found)
        with pytest.raises(OSError, match=r".*"):
            joined(0, (9999,))

    assert descriptors() == before
