"""What a trace says, against what the kernel does under the same rules."""

import re
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exporter.model.firewall import Fate, Trace
from exporter.model.topology import IpVersion
from tests.lab.fixtures import require
from tests.lab.namespaces import namespaces_missing
from tests.netns.crossing import LEFT, RIGHT, Crossing, crossing

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

BASES = {
    "raw": ("PREROUTING",),
    "mangle": ("PREROUTING", "FORWARD", "POSTROUTING"),
    "filter": ("FORWARD",),
}
USERS = ("ONE", "TWO", "THREE")
"""Chains of every table; each jumps to later ones only."""
COUNTED = re.compile(r"\[(\d+):\d+\] (-A (\S+) .*)")

UNSURE = re.compile("-m (limit|mark) ")

CONDITIONS: dict[IpVersion, tuple[str, ...]] = {
    4: (
        "-s 10.1.0.2",
        "! -s 10.1.0.0/25",
        "-s 10.0.0.0/8",
        "-s 10.1.0.2/255.0.255.255",
        "-d 10.2.0.2",
        "! -d 10.2.0.0/24",
        "! -d 10.2.0.77",
        "-p icmp",
        "! -p icmp",
        "-p tcp --dport 80",
        "-p icmp --icmp-type echo-request",
        "-p icmp ! --icmp-type 8/0",
        "-p icmp --icmp-type echo-reply",
        "-m iprange --src-range 10.1.0.1-10.1.0.9",
        "-m iprange ! --dst-range 10.2.0.1-10.2.0.9",
    ),
    6: (
        "-s fd00:1::2",
        "! -s fd00:1::/64",
        "-s fd00::/9",
        "-s fd00:1::/25",
        "-d fd00:2::2",
        "! -d fd00:2::77",
        "-p ipv6-icmp",
        "! -p ipv6-icmp",
        "-p tcp --dport 80",
        "-p ipv6-icmp --icmpv6-type echo-request",
        "-p ipv6-icmp ! --icmpv6-type 128",
        "-m iprange --src-range fd00:1::1-fd00:1::9",
    ),
}
COMMON = (
    "-m conntrack --ctstate NEW",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m conntrack ! --ctstate INVALID",
    "-m state --state NEW,INVALID",
    "-m mark --mark 0",
    "-m mark ! --mark 0x1/0xf",
    "-m limit --limit 100/sec",
)
"""For every chain; `raw` comes before connections are known."""
INSIDE = ("-i br1", "! -i br1", "-i br2", "-i br+", "! -i b+", "-i eth0")
OUTSIDE = ("-o br2", "! -o br2", "-o br1", "-o b+", "! -o br+")
FORWARDED = (
    "-m addrtype --dst-type LOCAL",
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --dst-type UNICAST",
    "-m physdev --physdev-is-bridged",
    "-m physdev ! --physdev-is-bridged",
)
TARGETS = ("-j ACCEPT", "-j DROP", "-j RETURN", "", "-j LOG")


@st.composite
def rule_sets(draw: st.DrawFn, version: IpVersion) -> str:
    """Return what iptables-restore reads: some rules in every table."""
    lines = []
    number = 0
    for table, bases in BASES.items():
        chains = [*bases, *USERS]
        lines.append(f"*{table}")
        for base in bases:
            closed = table == "filter" and draw(st.integers(0, 3)) == 0
            lines.append(f":{base} {'DROP' if closed else 'ACCEPT'} [0:0]")
        lines += [f":{user} - [0:0]" for user in USERS]
        for chain in chains:
            for _ in range(draw(st.integers(0, 4))):
                number += 1
                rule = draw(rules(version, table, chain))
                lines.append(f"-A {chain} {rule} -m comment --comment r{number}")
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


@st.composite
def rules(draw: st.DrawFn, version: IpVersion, table: str, chain: str) -> str:
    """Return the conditions and the target of a rule; mostly none that fails."""
    families = [CONDITIONS[version], INSIDE]
    if table != "raw":
        families.append(COMMON)
    if table == "filter":
        families += [OUTSIDE, FORWARDED]
    asked = [
        draw(st.sampled_from(family))
        for family in families
        if draw(st.integers(0, 2)) == 0
    ]
    if chain == "POSTROUTING":
        asked = [words for words in asked if words not in INSIDE]
    targets = list(TARGETS)
    if table == "filter":
        targets.append("-j REJECT")
    if table == "mangle":
        targets += ["-j MARK --set-mark 1", "-j MARK --set-mark 2"]
    later = USERS[USERS.index(chain) + 1 :] if chain in USERS else USERS
    targets += [f"-j {name}" for name in later] + [f"-g {name}" for name in later]
    return " ".join([*asked, draw(st.sampled_from(targets))])


@pytest.fixture(scope="module")
def lab() -> Iterator[Crossing]:
    """Left, router and right."""
    require(namespaces_missing())
    with crossing() as made:
        yield made


def check(lab: Crossing, tool: str, version: IpVersion, text: str, way: int) -> Fate:
    """Hold a trace against the kernel: the fate, and every rule that counted."""
    lab.router.run([f"{tool}-restore"], stdin=text)
    source, destination = LEFT[version][way & 1], RIGHT[version][way >> 1]
    traces = lab.trace(lab.ruleset(version), source, destination)

    arrived = lab.arrives(source, destination)

    fate = traces[-1].fate
    if fate is not Fate.UNCLEAR:
        assert (fate is Fate.ACCEPT) is arrived, (text, traces)
        held_against_counters(lab, tool, traces, text)
    return fate


def held_against_counters(
    lab: Crossing, tool: str, traces: tuple[Trace, ...], text: str
) -> None:
    """Every rule of the path counted the packet, in the words iptables has for it.

    Where the packet was dropped no other rule did; where a rule let it pass, at this
    hook or at one before, later ones may have, and a rejection is a packet of its own.
    In IPv6 there always are other packets too: routers and groups are looked for.
    """
    saved = lab.router.run([f"{tool}-save", "-c"]).stdout
    counted = {
        match[2]
        for match in map(COUNTED.match, saved.splitlines())
        if match and int(match[1])
    }
    path = {
        step.rule
        for trace in traces
        for step in trace.path
        if not step.rule.startswith("policy")
    }
    assert path <= counted, (text, path - counted)
    let_pass = any(
        trace.decided_by and not trace.decided_by.rule.startswith("policy")
        for trace in traces[:-1]
    )
    dropped = traces[-1].fate is Fate.DROP and not let_pass
    if dropped and not tool.startswith("ip6"):
        # A rule that decides nothing is passed over where it cannot be known to fit.
        unsure = {rule for rule in counted - path if UNSURE.search(rule)}
        assert path == counted - unsure, (text, counted - path)


@pytest.mark.parametrize(
    ("tool", "version"),
    [
        ("iptables", 4),
        ("ip6tables", 6),
        ("iptables-legacy", 4),
        ("ip6tables-legacy", 6),
    ],
)
def test_a_trace_is_what_the_kernel_does(
    lab: Crossing, tool: str, version: IpVersion
) -> None:
    """Whenever a trace is clear, the packet fares as it says, by the rules it says."""
    require(None if shutil.which(tool) else f"no {tool} on this machine")
    fates = dict.fromkeys(Fate, 0)

    # Nothing is made smaller: a rule set that fails is readable as it is.
    @settings(
        max_examples=60,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(rule_sets(version), st.integers(0, 3))
    def check_one(text: str, way: int) -> None:
        fates[check(lab, tool, version, text, way)] += 1

    try:
        check_one()
    finally:
        lab.router.run([f"{tool}-restore"], stdin=EMPTY)

    assert fates[Fate.ACCEPT], fates
    assert fates[Fate.DROP], fates


EMPTY = "".join(
    f"*{table}\n" + "".join(f":{base} ACCEPT [0:0]\n" for base in bases) + "COMMIT\n"
    for table, bases in BASES.items()
)
"""No rule at all."""
