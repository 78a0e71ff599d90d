"""Why a promise is broken: the closed set of causes, and what each rests on.

The ids are values of JSON fields and of the metric label `cause`, so a change here is
a breaking change for operators. Which of them holds is found in `model.diagnosis`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class CauseId(StrEnum):
    """Why an isolated pair answers, or a promised one is silent."""

    SHARED_NETWORK = "shared-network"
    DOCKER_ALLOWS = "docker-allows"
    BRIDGES_JOINED = "bridges-joined"
    ROUTE_BY_HAND = "route-by-hand"
    BRIDGE_ADDRESS_ADDED = "bridge-address-added"
    DOCKER_USER_ACCEPTS = "docker-user-accepts"
    ACCEPTED_BY_RULE = "accepted-by-rule"
    IPTABLES_OFF = "iptables-off"
    IP6TABLES_OFF = "ip6tables-off"
    BR_NETFILTER_OFF = "br-netfilter-off"
    ISOLATION_MISSING = "isolation-missing"
    RAW_DROP_MISSING = "raw-drop-missing"

    INTERFACE_MISSING = "interface-missing"
    LINK_DOWN = "link-down"
    BRIDGE_DOWN = "bridge-down"
    PORT_MISSING = "port-missing"
    PORT_BLOCKED = "port-blocked"
    PORT_ISOLATED = "port-isolated"
    IPV6_DISABLED = "ipv6-disabled"
    ADDRESS_MISSING = "address-missing"
    ADDRESS_DUPLICATE = "address-duplicate"
    BRIDGE_ADDRESS_MISSING = "bridge-address-missing"
    BLACKHOLE_ROUTE = "blackhole-route"
    ROUTE_ELSEWHERE = "route-elsewhere"
    NO_ROUTE = "no-route"
    FORWARDING_OFF = "forwarding-off"
    NEIGHBOUR_WRONG = "neighbour-wrong"
    DOCKER_USER_DROPS = "docker-user-drops"
    DOCKER_ISOLATES = "docker-isolates"
    DROPPED_BY_RULE = "dropped-by-rule"
    ICMP_IGNORED = "icmp-ignored"
    RESOLVER_RULES_MISSING = "resolver-rules-missing"
    NAME_UNKNOWN = "name-unknown"

    UNKNOWN = "unknown"
    """Nothing was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A likely reason for a broken promise."""

    id: CauseId
    sentence: str
    evidence: tuple[str, ...]
    """What was found, short and concrete, a line each; never empty."""
    certain: bool
    """The evidence proves that this alone breaks the promise. There may be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseText:
    """What people are told of a cause."""

    sentence: str
    proof: str
    """What was found where it is named as certain."""
    needs: str
    """What this process must be able to do to find it."""
    remedy: str


ENTER = "entering the namespaces"
FILTER = "entering the namespaces and CAP_NET_ADMIN"
API = "the engine's API"

CAUSE_TEXTS: Mapping[CauseId, CauseText] = {
    CauseId.SHARED_NETWORK: CauseText(
        sentence="Both containers are attached to one network, where Docker lets them "
        "talk.",
        proof="the engine lists an endpoint of each on it, and Docker's own promise is "
        "that they reach each other",
        needs=API,
        remedy="`docker network disconnect` one of them, or change the policy",
    ),
    CauseId.DOCKER_ALLOWS: CauseText(
        sentence="Docker itself promises that they reach each other; only your policy "
        "forbids it.",
        proof="the rule of Docker's own promise",
        needs=API,
        remedy="close the way in `DOCKER-USER` (or `INPUT`), or change the policy",
    ),
    CauseId.BRIDGES_JOINED: CauseText(
        sentence="The two bridges are one link: packets pass without being forwarded.",
        proof="a port of one bridge has its other end on the other, and the source "
        "sends over the link without the gateway",
        needs=ENTER,
        remedy="`ip link del` the veth pair, or take it off one of the bridges",
    ),
    CauseId.ROUTE_BY_HAND: CauseText(
        sentence="The source has a route that the engine did not give it.",
        proof="the kernel in the source's namespace would send by a way that the "
        "engine's answers do not show",
        needs=ENTER,
        remedy="`ip route del` it in the source's namespace; recreate the container",
    ),
    CauseId.BRIDGE_ADDRESS_ADDED: CauseText(
        sentence="The host has an address on a bridge that is to have none.",
        proof="the host's interface carries an address in the container's subnet",
        needs=ENTER,
        remedy="`ip address del` it from the bridge",
    ),
    CauseId.DOCKER_USER_ACCEPTS: CauseText(
        sentence="A rule in DOCKER-USER accepts the packet before Docker's isolation "
        "is reached.",
        proof="the packet, followed through the host's rules, is accepted there",
        needs=FILTER,
        remedy="delete the rule, or make it match less",
    ),
    CauseId.ACCEPTED_BY_RULE: CauseText(
        sentence="A rule that is not Docker's accepts the packet before Docker's "
        "isolation is reached.",
        proof="the packet, followed through the host's rules, is accepted there, while "
        "Docker's own drop stands further down",
        needs=FILTER,
        remedy="move the rule behind Docker's, or make it match less",
    ),
    CauseId.IPTABLES_OFF: CauseText(
        sentence="The engine keeps no packet filter: there is no chain of Docker's.",
        proof="no table of the host has any of Docker's chains",
        needs=FILTER,
        remedy='remove `--iptables=false` (`"iptables": false`) and restart the '
        "engine; after a flush, `systemctl restart docker` alone",
    ),
    CauseId.IP6TABLES_OFF: CauseText(
        sentence="The engine keeps no IPv6 packet filter, so nothing isolates IPv6.",
        proof="no IPv6 table of the host has any of Docker's chains",
        needs=FILTER,
        remedy="start the engine with `--ip6tables=true` (the default from 27; before "
        "that it also needs `--experimental`)",
    ),
    CauseId.BR_NETFILTER_OFF: CauseText(
        sentence="The kernel does not show a bridge's own traffic to the packet "
        "filter, so enable_icc=false does nothing.",
        proof="net.bridge.bridge-nf-call-iptables (IPv6: -ip6tables) is 0 or absent",
        needs=ENTER,
        remedy="`modprobe br_netfilter` and `sysctl net.bridge.bridge-nf-call-"
        "iptables=1` (IPv6: `-ip6tables`)",
    ),
    CauseId.ISOLATION_MISSING: CauseText(
        sentence="Rules with which Docker keeps the two apart are gone.",
        proof="the jump, the chain or the networks' rules are not there, and the "
        "packet, followed through what is there, is accepted",
        needs=FILTER,
        remedy="restart the engine (or reload what flushed the rules, then restart it)",
    ),
    CauseId.RAW_DROP_MISSING: CauseText(
        sentence="The drop of packets to the container's address in the raw table is "
        "gone.",
        proof="the engine is 28 or later, and table raw has no drop for the address",
        needs=FILTER,
        remedy="unset DOCKER_INSECURE_NO_IPTABLES_RAW and restart the engine",
    ),
    CauseId.INTERFACE_MISSING: CauseText(
        sentence="The container has no interface for this network.",
        proof="none in its namespace has the endpoint's MAC or address, or a peer on "
        "the network's bridge",
        needs=ENTER,
        remedy="`docker network disconnect` and `connect` it",
    ),
    CauseId.LINK_DOWN: CauseText(
        sentence="An interface is down or without carrier.",
        proof="the kernel's flags of an interface that the packet must pass",
        needs=ENTER,
        remedy="`ip link set NAME up`, in the container's namespace or on the host",
    ),
    CauseId.BRIDGE_DOWN: CauseText(
        sentence="The network's bridge is down or gone.",
        proof="the kernel's flags of the bridge; or no interface of its name",
        needs=ENTER,
        remedy="`ip link set BRIDGE up`; if it is gone, restart the engine",
    ),
    CauseId.PORT_MISSING: CauseText(
        sentence="The host's end of a container's link is not on the network's bridge.",
        proof="the veth's master is another or none",
        needs=ENTER,
        remedy="`ip link set VETH master BRIDGE`",
    ),
    CauseId.PORT_BLOCKED: CauseText(
        sentence="The bridge does not forward for a port (spanning tree).",
        proof="the port's state is not forwarding",
        needs=ENTER,
        remedy="`ip link set BRIDGE type bridge stp_state 0`, or resolve the loop",
    ),
    CauseId.PORT_ISOLATED: CauseText(
        sentence="Both ports of the bridge are isolated: it passes nothing between "
        "them.",
        proof="the isolated flag of both ports",
        needs=ENTER,
        remedy="`bridge link set dev VETH isolated off`",
    ),
    CauseId.IPV6_DISABLED: CauseText(
        sentence="IPv6 is switched off in a container's namespace.",
        proof="its disable_ipv6 is 1",
        needs=ENTER,
        remedy="`sysctl net.ipv6.conf.all.disable_ipv6=0` in that namespace",
    ),
    CauseId.ADDRESS_MISSING: CauseText(
        sentence="A container does not have the address that the engine gave it.",
        proof="the addresses of the interfaces in its namespace",
        needs=ENTER,
        remedy="`ip address add` it, or restart the container",
    ),
    CauseId.ADDRESS_DUPLICATE: CauseText(
        sentence="Another station answers for the address.",
        proof="a neighbour entry that was learned leads to another container's "
        "interface, or IPv6 refused the address as taken",
        needs=ENTER,
        remedy="take the address off the other station",
    ),
    CauseId.BRIDGE_ADDRESS_MISSING: CauseText(
        sentence="The bridge does not have the gateway's address.",
        proof="the addresses of the host's interfaces",
        needs=ENTER,
        remedy="`ip address add` it to the bridge, or restart the engine",
    ),
    CauseId.BLACKHOLE_ROUTE: CauseText(
        sentence="A route swallows or refuses the packet.",
        proof="the kernel's answer for this address: blackhole, unreachable or "
        "prohibit",
        needs=ENTER,
        remedy="`ip route del` it in that namespace",
    ),
    CauseId.ROUTE_ELSEWHERE: CauseText(
        sentence="The kernel sends the packet out by another interface.",
        proof="its route for this address leaves the network that both ends share",
        needs=ENTER,
        remedy="resolve the clash of subnets, or `ip route del` the other route",
    ),
    CauseId.NO_ROUTE: CauseText(
        sentence="There is no route to the address.",
        proof="the kernel's answer for this address",
        needs=ENTER,
        remedy="restart the container, or `ip route add` what is missing",
    ),
    CauseId.FORWARDING_OFF: CauseText(
        sentence="The host does not forward between interfaces.",
        proof="net.ipv4.ip_forward (IPv6: conf.all.forwarding) is 0 and the packet "
        "must pass from one bridge to another",
        needs=ENTER,
        remedy="`sysctl net.ipv4.ip_forward=1` (IPv6: net.ipv6.conf.all.forwarding)",
    ),
    CauseId.NEIGHBOUR_WRONG: CauseText(
        sentence="A neighbour entry leads to the wrong MAC address.",
        proof="the entry is permanent, and the interface it stands for has another MAC",
        needs=ENTER,
        remedy="`ip neigh del ADDRESS dev NAME` in that namespace",
    ),
    CauseId.DOCKER_USER_DROPS: CauseText(
        sentence="A rule in DOCKER-USER drops or rejects the packet.",
        proof="the packet, followed through the host's rules, ends there",
        needs=FILTER,
        remedy="delete the rule, or make it match less",
    ),
    CauseId.DOCKER_ISOLATES: CauseText(
        sentence="Docker keeps the two apart; only your policy wants them to talk.",
        proof="Docker's own promise is isolation",
        needs=API,
        remedy="attach both to one network, or change the policy",
    ),
    CauseId.DROPPED_BY_RULE: CauseText(
        sentence="A rule of a packet filter drops or rejects the packet.",
        proof="the packet, followed through the rules, ends there",
        needs=FILTER,
        remedy="delete the rule, or make it match less",
    ),
    CauseId.ICMP_IGNORED: CauseText(
        sentence="The destination is told to ignore echo requests.",
        proof="icmp_echo_ignore_all (IPv6: icmp.echo_ignore_all) is 1 there",
        needs=ENTER,
        remedy="set it to 0 in that namespace",
    ),
    CauseId.RESOLVER_RULES_MISSING: CauseText(
        sentence="The rules that lead the container's questions to the engine's DNS "
        "are gone.",
        proof="the container's nat table has no DNAT from 127.0.0.11",
        needs=FILTER,
        remedy="restart the container",
    ),
    CauseId.NAME_UNKNOWN: CauseText(
        sentence="The engine's DNS answers, and does not know the name.",
        proof="its answer; the rules that lead to it are in place",
        needs=ENTER,
        remedy="reconnect the destination to the network; report it to the engine",
    ),
    CauseId.UNKNOWN: CauseText(
        sentence="Nothing that was looked at explains it.",
        proof="never certain",
        needs=API,
        remedy="`dockernet-exporter explain SOURCE DESTINATION` shows what was looked "
        "at and what could not be read",
    ),
}


def cause(cause_id: CauseId, *evidence: str, certain: bool) -> Cause:
    """Return a cause with its sentence.

    Args:
        evidence: what was found, at least one line.
    """
    return Cause(
        id=cause_id,
        sentence=CAUSE_TEXTS[cause_id].sentence,
        evidence=evidence,
        certain=certain,
    )
