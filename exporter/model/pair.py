"""A pair, what is promised for it, what was seen, and what follows."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from exporter.model.cause import Cause
from exporter.model.outcome import VIOLATIONS, Expected, Observation, Scope, Verdict
from exporter.model.topology import (
    ContainerId,
    IPAddress,
    IpVersion,
    NetworkId,
    SandboxId,
)


class Pair(NamedTuple):
    """An ordered pair: a source sandbox (or the host) and a destination address.

    A named tuple, not a dataclass: a thousand containers make a million of them.
    """

    scope: Scope
    source: SandboxId
    destination: ContainerId | None
    """The owner of the destination's sandbox; None in scope `gateway`."""
    network: NetworkId
    """The destination address's network."""
    address: IPAddress
    ip_version: IpVersion
    name: str | None = None
    """What is asked, in scope `name`."""

    def __hash__(self) -> int:
        """Leave the address out: the rest tells pairs apart, and it hashes slowly.

        An `ip_address` computes its hash in Python, every time (0.5 µs).
        """
        return hash(
            (self.scope, self.source, self.destination, self.network, self.ip_version)
        )

    @property
    def destination_sandbox(self) -> SandboxId | None:
        """Return the sandbox that answers: its owner is the destination."""
        return None if self.destination is None else SandboxId(self.destination)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is expected of a pair, and which rule or policy entry says so."""

    expected: Expected
    rule: str
    """Id of the rule that decided; `policy-N` or `opted-out` where it was none."""
    source_network: NetworkId | None
    """Network of the interface that the source's route uses; None for the host,
    and where the API gives the source no route."""
    on_link: bool
    """The destination is in the source's own subnet: no router lies between."""
    has_route: bool = True
    """The API gives the source a route to the destination."""
    leaves_host: bool = False
    """Packets would leave the host; such a pair is never probed."""
    promised: Expected | None = None
    """What Docker itself promises, where a policy entry decided; else None."""
    promised_by: str | None = None
    """Id of the rule that says so."""
    policy: int | None = None
    """Number of the policy entry that decided, from 1."""
    policy_reason: str = ""
    """Why it is so, in the words of that entry."""
    opted_out: bool = False
    """An end asked by its label to be left alone; such a pair is never probed."""

    @property
    def is_left_alone(self) -> bool:
        """Return whether the pair is never probed."""
        return self.leaves_host or self.opted_out


def unprobed(decision: Decision) -> Verdict:
    """Return the verdict on a pair that was not probed."""
    unknown = decision.expected is Expected.UNKNOWN
    return Verdict.NOT_JUDGED if unknown else Verdict.SKIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A pair with its promise."""

    pair: Pair
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Whether both ends are known to work; None where it was not looked at."""

    source: bool | None
    destination: bool | None


NO_CONTROLS = Controls(source=None, destination=None)
"""Of a pair that was not probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairState:
    """Everything known of one pair."""

    pair: Pair
    decision: Decision
    observation: Observation
    controls: Controls
    verdict: Verdict
    reason: str = ""
    """Why it is unverified, or what was seen; empty where nothing needs saying."""
    since: datetime
    """When the verdict became what it is."""
    probed: datetime | None = None
    """When it was last probed; None if never."""
    causes: tuple[Cause, ...] = ()
    """Why the promise is broken, the likeliest first; `UNKNOWN` where nothing that was
    looked at explains it. Empty for every other verdict."""
    silent_since_s: float | None = None
    """Monotonic time of the first of the cycles in a row, up to now, that found a
    promised reply missing and no excuse for it; None without."""
    was_broken: bool = False
    """Its promise was broken when it was probed last; since then nobody could look."""

    @property
    def is_broken(self) -> bool:
        """Return whether its promise is broken, as far as anybody could look."""
        return self.was_broken or self.verdict in VIOLATIONS


CountKey = tuple[Scope, NetworkId, IpVersion, Decision]
"""What pairs are counted by: scope, network and family of the destination, promise."""


def count_key(item: Planned | PairState) -> CountKey:
    """Return what a pair is counted by."""
    pair = item.pair
    return pair.scope, pair.network, pair.ip_version, item.decision


def since(before: PairState | None, verdict: Verdict, now: datetime) -> datetime:
    """Return when a pair's verdict became what it is, given its state before."""
    return before.since if before is not None and before.verdict is verdict else now
