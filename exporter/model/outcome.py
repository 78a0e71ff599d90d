"""The closed sets of words for what is expected, what was seen and what follows.

They are the values of JSON fields and metric labels, so a change here is a
breaking change for operators.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What kind of pair it is."""

    CONTAINER = "container"
    """Container to container."""
    HOST = "host"
    """The engine's host to a container."""
    GATEWAY = "gateway"
    """Container to a gateway of its own network."""
    NAME = "name"
    """A container asks the embedded DNS for another container's name."""


class Protocol(StrEnum):
    """How a pair is probed."""

    ICMP = "icmp"
    DNS = "dns"


class Expected(StrEnum):
    """Docker's promise (with the user's policy), not a forecast."""

    REACHABLE = "reachable"
    ISOLATED = "isolated"
    UNKNOWN = "unknown"


class Observed(StrEnum):
    """What was seen, nothing more."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    NOT_PROBED = "not_probed"


class Result(StrEnum):
    """The particular outcome behind an `Observed`."""

    OK = "ok"
    """One valid reply (for names: the right address)."""
    TIMEOUT = "timeout"
    """Silence until the deadline."""
    HOST_UNREACHABLE = "host_unreachable"
    """ICMP network or host unreachable, or the neighbour did not resolve."""
    PROHIBITED = "prohibited"
    """An ICMP error of a firewall's REJECT."""
    NO_ROUTE = "no_route"
    """The kernel has no route to the destination (ENETUNREACH and kin)."""
    WRONG_ROUTE = "wrong_route"
    """The kernel would send through another interface than the network's own."""
    REFUSED_BY_KERNEL = "refused_by_kernel"
    """The kernel refused to send: EPERM, EACCES, a blackhole or prohibit route."""
    TTL_EXCEEDED = "ttl_exceeded"
    """A router dropped the probe: it had escaped from its network."""
    ICMP_IGNORED = "icmp_ignored"
    """Silence, and the destination does not even answer itself."""
    NXDOMAIN = "nxdomain"
    """The name does not exist, or has no address of the family."""
    SERVFAIL = "servfail"
    """The resolver answered an error."""
    WRONG_ANSWER = "wrong_answer"
    """The name resolved, but to no address of the container."""
    NO_RESOLVER = "no_resolver"
    """Nothing listens at 127.0.0.11 in this namespace: there is no embedded DNS."""
    NEIGHBOUR_TABLE = "neighbour_table"
    """ENOBUFS: the host's neighbour table is full; nothing was measured."""
    SEND_ERROR = "send_error"
    """Sending failed for another reason; nothing was measured."""
    NETNS_ERROR = "netns_error"
    """The source's namespace could not be entered, or is gone."""
    PERMISSION_DENIED = "permission_denied"
    """A capability is missing; nothing was measured."""
    SKIPPED = "skipped"
    """Not probed in this cycle."""


_UNREACHABLE = frozenset(
    {
        Result.TIMEOUT,
        Result.HOST_UNREACHABLE,
        Result.PROHIBITED,
        Result.NO_ROUTE,
        Result.WRONG_ROUTE,
        Result.REFUSED_BY_KERNEL,
        Result.TTL_EXCEEDED,
        Result.ICMP_IGNORED,
        Result.NXDOMAIN,
        Result.SERVFAIL,
        Result.WRONG_ANSWER,
        Result.NO_RESOLVER,
    }
)

KERNEL_REFUSALS = frozenset(
    {Result.NO_ROUTE, Result.WRONG_ROUTE, Result.REFUSED_BY_KERNEL}
)
"""Results with which the kernel itself says that the path does not work."""


def observed_of(result: Result) -> Observed:
    """Return what a result means as an observation."""
    if result is Result.OK:
        return Observed.REACHABLE
    if result in _UNREACHABLE:
        return Observed.UNREACHABLE
    if result is Result.SKIPPED:
        return Observed.NOT_PROBED
    return Observed.ERROR


class Verdict(StrEnum):
    """What follows from promise, observation and controls."""

    AS_EXPECTED = "as_expected"
    UNEXPECTED_REACHABLE = "unexpected_reachable"
    UNEXPECTED_UNREACHABLE = "unexpected_unreachable"
    UNVERIFIED = "unverified"
    NOT_JUDGED = "not_judged"
    SKIPPED = "skipped"
    """A promise that was not probed in this cycle (by plan, never by failure)."""


def is_measured(observed: Observed, verdict: Verdict) -> bool:
    """Return whether an observation is of now: seen, and not too old.

    Only age makes a reply unverified; silence may be so for other reasons.
    """
    if observed is Observed.REACHABLE:
        return verdict is not Verdict.UNVERIFIED
    return observed is Observed.UNREACHABLE


VIOLATIONS = frozenset({Verdict.UNEXPECTED_REACHABLE, Verdict.UNEXPECTED_UNREACHABLE})
"""Verdicts that say that a promise is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What became of all packets (or DNS questions) to one destination."""

    result: Result
    sent: int = 0
    """Packets, or questions."""
    received: int = 0
    """Of those sent, how many were answered in time."""
    duplicates: int = 0
    """Further replies to a packet that was answered."""
    late: int = 0
    """Replies after the deadline."""
    rtts_s: tuple[float, ...] = ()
    """Round-trip times of the valid replies, seconds, in order of arrival."""
    resolved: tuple[str, ...] = ()
    """Addresses a DNS answer carried, as text; empty for ICMP."""

    @property
    def observed(self) -> Observed:
        """Return what this means as an observation."""
        return observed_of(self.result)

    @property
    def rtt_s(self) -> float | None:
        """Return the least round-trip time in seconds, None without a reply."""
        return min(self.rtts_s, default=None)


NOT_PROBED = Observation(result=Result.SKIPPED)
"""Nothing was sent, so nothing was seen."""
