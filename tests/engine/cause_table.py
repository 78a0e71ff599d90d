"""Which fault is to be named as which cause; docs/causes.md shows it.

Every violation that a fault brings about has to name its cause first, and as certain.
"""

from dataclasses import dataclass

from exporter.model.cause import CauseId
from tests.engine import broken_links, broken_rules, faults
from tests.engine.faults import Fault

_ALWAYS = (0, 0)
_NEVER = (1000, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault and the cause that is to be named first."""

    fault: Fault
    cause: CauseId
    since: tuple[int, int] = _ALWAYS
    """First release on which it breaks a promise."""
    until: tuple[int, int] = _NEVER
    """First release on which it does not any more."""

    @property
    def what(self) -> str:
        """The fault in a sentence."""
        text = self.fault.__doc__ or ""
        return text.splitlines()[0]

    @property
    def engines(self) -> str:
        """The engines that it concerns, for a reader."""
        if self.until != _NEVER:
            return f"before {self.until[0]}"
        return f"from {self.since[0]}" if self.since != _ALWAYS else "all"

    def concerns(self, release: tuple[int, int]) -> bool:
        """Return whether it breaks a promise on a release."""
        return self.since <= release < self.until


TABLE = (
    Row(fault=faults.link_down, cause=CauseId.LINK_DOWN),
    Row(fault=broken_links.host_link_down, cause=CauseId.LINK_DOWN),
    Row(fault=faults.bridge_down, cause=CauseId.BRIDGE_DOWN),
    Row(fault=faults.port_lost, cause=CauseId.PORT_MISSING),
    Row(fault=broken_links.port_blocked, cause=CauseId.PORT_BLOCKED),
    Row(fault=broken_links.spanning_tree, cause=CauseId.PORT_BLOCKED),
    Row(fault=broken_links.ports_isolated, cause=CauseId.PORT_ISOLATED),
    Row(fault=faults.address_deleted, cause=CauseId.ADDRESS_MISSING),
    Row(fault=faults.address_changed, cause=CauseId.ADDRESS_MISSING),
    Row(fault=broken_links.ipv6_off, cause=CauseId.IPV6_DISABLED),
    Row(fault=broken_links.address_taken, cause=CauseId.ADDRESS_DUPLICATE),
    Row(fault=broken_links.bridge_address_gone, cause=CauseId.BRIDGE_ADDRESS_MISSING),
    Row(fault=faults.blackhole, cause=CauseId.BLACKHOLE_ROUTE),
    Row(fault=broken_links.unreachable_route, cause=CauseId.BLACKHOLE_ROUTE),
    Row(fault=faults.route_clash, cause=CauseId.ROUTE_ELSEWHERE),
    Row(fault=broken_links.route_lost, cause=CauseId.NO_ROUTE),
    Row(fault=broken_links.wrong_neighbour, cause=CauseId.NEIGHBOUR_WRONG),
    Row(fault=broken_links.hosts_wrong_neighbour, cause=CauseId.NEIGHBOUR_WRONG),
    Row(fault=broken_rules.forwarding_off, cause=CauseId.FORWARDING_OFF, since=(27, 0)),
    Row(fault=faults.host_requests_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=faults.own_requests_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=faults.others_requests_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.requests_rejected, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.policy_drops, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.replies_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.host_input_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.forward_dropped, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.forward_flushed, cause=CauseId.DROPPED_BY_RULE),
    Row(fault=broken_rules.user_drops, cause=CauseId.DOCKER_USER_DROPS),
    Row(fault=broken_rules.host_ignores, cause=CauseId.ICMP_IGNORED),
    Row(
        fault=broken_rules.resolver_rules_flushed,
        cause=CauseId.RESOLVER_RULES_MISSING,
    ),
    Row(fault=faults.user_accepts, cause=CauseId.DOCKER_USER_ACCEPTS, until=(28, 0)),
    Row(fault=faults.user_accepts_and_raw_flushed, cause=CauseId.DOCKER_USER_ACCEPTS),
    Row(fault=faults.isolation_flushed, cause=CauseId.ISOLATION_MISSING, until=(28, 0)),
    Row(fault=broken_rules.isolation_and_raw_flushed, cause=CauseId.ISOLATION_MISSING),
    Row(fault=broken_rules.accepted_first, cause=CauseId.ACCEPTED_BY_RULE),
    Row(fault=broken_rules.bridge_filter_off, cause=CauseId.BR_NETFILTER_OFF),
    Row(fault=broken_rules.icc_drop_deleted, cause=CauseId.ISOLATION_MISSING),
    Row(fault=broken_links.bridges_joined, cause=CauseId.BRIDGES_JOINED),
)
