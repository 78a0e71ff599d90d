"""Rules that iptables wrote, read from the real kernel and written as it does."""

import sys
from collections.abc import Iterator

import pytest

from exporter.model.firewall import Ruleset
from exporter.model.topology import IpVersion
from exporter.netfilter.read import read_ruleset
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.fixtures import require
from tests.lab.namespaces import Namespace, namespaces_missing

pytestmark = pytest.mark.netns

TOOLS: tuple[tuple[str, IpVersion], ...] = (
    ("iptables", 4),
    ("iptables-legacy", 4),
    ("ip6tables", 6),
    ("ip6tables-legacy", 6),
)

FOR_BOTH = """
*filter
:ONE - [0:0]
:TWO - [0:0]
-A FORWARD -i br0 -o br1 -j ACCEPT
-A FORWARD -i br+ ! -o eth+ -j DROP
-A FORWARD ! -i br0 -p tcp -j ONE
-A FORWARD -p tcp --dport 80 -j ACCEPT
-A FORWARD -p tcp ! --dport 80:90 --sport 1024:65535 -j ACCEPT
-A FORWARD -p udp --sport 53 -j ACCEPT
-A FORWARD ! -p udp -j ACCEPT
-A FORWARD -p esp -j DROP
-A FORWARD -p 99 -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack ! --ctstate NEW -j ACCEPT
-A FORWARD -m conntrack --ctstate DNAT,INVALID,UNTRACKED -j ACCEPT
-A FORWARD -m state --state NEW,INVALID -j ACCEPT
-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT
-A FORWARD -m addrtype ! --src-type UNICAST,LOCAL --dst-type MULTICAST -j ACCEPT
-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT
-A FORWARD -m physdev ! --physdev-is-bridged -j ACCEPT
-A FORWARD -m physdev --physdev-in veth+ -j ACCEPT
-A FORWARD -m physdev --physdev-is-in -j ACCEPT
-A FORWARD -m mark --mark 1 -j ACCEPT
-A FORWARD -m mark ! --mark 0x10/0xf0 -j ACCEPT
-A FORWARD -m comment --comment hello -j ACCEPT
-A FORWARD -m comment --comment "hello world's" -j TWO
-A FORWARD -m limit --limit 5/min -j LOG --log-prefix "x: "
-A FORWARD -m limit --limit 10/second --limit-burst 20 -j ACCEPT
-A FORWARD -p tcp -m multiport --dports 80,443,1000:2000 -j ACCEPT
-A FORWARD -p udp -m multiport ! --ports 80 -j ACCEPT
-A FORWARD -p tcp -j REJECT --reject-with tcp-reset
-A FORWARD -j LOG
-A FORWARD -j REJECT
-A FORWARD -g ONE
-A FORWARD
-A FORWARD -i br0
-A ONE -j TWO
-A TWO -j RETURN
COMMIT
*mangle
-A PREROUTING -j MARK --set-mark 5
-A PREROUTING -j MARK --set-xmark 0x5/0xff
COMMIT
*raw
-A PREROUTING -j CT --notrack
-A PREROUTING -j NOTRACK
-A PREROUTING -j TRACE
COMMIT
*nat
-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 81
-A POSTROUTING -j MASQUERADE
COMMIT
"""
FOR_ONE: dict[IpVersion, str] = {
    4: """
*filter
-A FORWARD ! -i br0 -d 10.1.2.3 -j DROP
-A FORWARD -s 10.0.0.0/8 ! -d 172.16.0.0/12 -j REJECT
-A FORWARD -s 10.0.0.0/9 -j RETURN
-A FORWARD -s 10.0.0.1/255.0.0.255 -j RETURN
-A FORWARD -p icmp -j ACCEPT
-A FORWARD -p icmp --icmp-type echo-request -j DROP
-A FORWARD -p icmp ! --icmp-type 8/0 -j DROP
-A FORWARD -p icmp --icmp-type any -j DROP
-A FORWARD -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
*nat
-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080
-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.4:8080-8090
-A PREROUTING -j DNAT --to-destination 10.0.0.1
-A POSTROUTING -j SNAT --to-source 1.2.3.4
-A POSTROUTING -p udp -j SNAT --to-source 1.2.3.4:1-2
COMMIT
""",
    6: """
*filter
-A FORWARD ! -i br0 -d fd00::1 -j DROP
-A FORWARD -s fd00::/9 ! -d fd00:1::/33 -j REJECT
-A FORWARD -p ipv6-icmp -j ACCEPT
-A FORWARD -p ipv6-icmp --icmpv6-type echo-request -j DROP
-A FORWARD -p ipv6-icmp ! --icmpv6-type 128/0 -j DROP
-A FORWARD -m iprange ! --dst-range fd00::1-fd00::9 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited
COMMIT
*nat
-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination [fd00::1]:8080
-A PREROUTING -j DNAT --to-destination fd00::1
-A POSTROUTING -j SNAT --to-source fd00::1
COMMIT
""",
}


@pytest.fixture
def lab() -> Iterator[Namespace]:
    """A namespace without any rule."""
    require(namespaces_missing())
    with Namespace() as namespace:
        yield namespace


def rules_in(lab: Namespace, ip_version: IpVersion = 4) -> Ruleset:
    """Return the rules of a namespace."""
    with open_namespace(NamespaceRef(path=lab.path)) as namespace:
        return namespace.run(lambda: read_ruleset(ip_version))


def saved(lab: Namespace, tool: str) -> dict[tuple[str, str], list[str]]:
    """Return the rules by table and chain, as iptables-save writes them."""
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in lab.run([f"{tool}-save"]).stdout.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A"):
            found.setdefault((table, line.split()[1]), []).append(line)
    return found


@pytest.mark.parametrize(("tool", "version"), TOOLS)
def test_rules_read_as_iptables_writes_them(
    lab: Namespace, tool: str, version: IpVersion
) -> None:
    """Every rule of a long list, word for word, whichever iptables made it."""
    for rules in (FOR_BOTH, FOR_ONE[version]):
        lab.run([f"{tool}-restore", "--noflush"], stdin=rules)

    ruleset = rules_in(lab, version)

    assert () == ruleset.unread
    for (table, chain), lines in saved(lab, tool).items():
        assert tuple(lines) == ruleset.chain(table, chain)


def test_a_namespace_without_rules(lab: Namespace) -> None:
    """It is empty, and reading it makes no table."""
    assert rules_in(lab).is_empty
    names = lab.run(["cat", "/proc/net/ip_tables_names"], check=False).stdout
    assert "" == names.strip()


def test_each_family_has_its_own(lab: Namespace) -> None:
    """Rules of one are not those of the other."""
    lab.run(["ip6tables", "-A", "FORWARD", "-j", "DROP"])

    assert rules_in(lab, 4).is_empty
    assert ("-A FORWARD -j DROP",) == rules_in(lab, 6).chain("filter", "FORWARD")


def test_many_rules(lab: Namespace) -> None:
    """Lists of many datagrams come whole, in order."""
    wanted = tuple(
        f"-A FORWARD -s 10.{n // 250}.{n % 250}.1/32 -j DROP" for n in range(3000)
    )
    lab.run(["iptables-restore"], stdin="*filter\n" + "\n".join(wanted) + "\nCOMMIT\n")

    assert wanted == rules_in(lab).chain("filter", "FORWARD")


def test_without_the_capability(lab: Namespace) -> None:
    """The reason names it."""
    done = lab.run(
        [
            *("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"),
            *(_PYTHON, "-c", _READ),
        ]
    )

    assert "CAP_NET_ADMIN" in done.stdout


_PYTHON = sys.executable
_READ = """
from exporter.errors import FirewallUnreadable
from exporter.netfilter.read import read_ruleset
try:
    read_ruleset(4)
except FirewallUnreadable as error:
    print(error.reason)
"""
