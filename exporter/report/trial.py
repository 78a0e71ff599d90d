"""What a policy does to the pairs that exist now: which entry decides which of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Planned
from exporter.model.plan import plan
from exporter.model.policy import (
    ALWAYS,
    Applied,
    PolicyEntry,
    Selector,
    members_of,
    opted_out,
)
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Network, Topology
from exporter.report.words import counted

CONTAINER_KEYS = ("container", "project", "service", "label")
KEYS = ("network", *CONTAINER_KEYS)
Looks = Callable[[Network], bool]


@dataclass(slots=True, kw_only=True)
class EntryTrial:
    """One entry with what it decides."""

    number: int
    entry: PolicyEntry
    expired: bool
    pairs: list[Planned] = field(default_factory=list)
    """With what Docker itself promises."""
    lost: Counter[int] = field(default_factory=Counter)
    """Pairs that fit and are decided by the entry of that number; 0 for the label."""
    why_none: str = ""
    """Why it decides no pair, where it decides none."""

    def change(self, planned: Planned) -> str:
        """Return what the entry does to a promise: stricter, looser, same."""
        docker, wanted = planned.decision.expected, self.entry.expected
        if docker is wanted:
            return "same"
        looser = wanted is Expected.UNKNOWN or docker is Expected.ISOLATED
        return "looser" if looser else "stricter"

    @property
    def changes(self) -> Counter[str]:
        """Pairs by what the entry does to them."""
        return Counter(self.change(planned) for planned in self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A policy on what exists."""

    entries: tuple[EntryTrial, ...]
    left_alone: tuple[str, ...]
    """Names of the network stacks that asked by their label, sorted."""
    pairs: int
    """All of the topology."""


def trial_of(snapshot: Snapshot, scopes: Collection[Scope], looks_at: Looks) -> Trial:
    """Return which pairs each entry of the snapshot's policy decides.

    Args:
        snapshot: what exists, and the policy.
        scopes: the scopes that are looked at.
        looks_at: whether a network is looked at.
    """
    topology, policy = snapshot.topology, snapshot.policy
    today = snapshot.taken.date()
    entries = tuple(
        EntryTrial(number=number, entry=entry, expired=entry.has_expired(today))
        for number, entry in enumerate(policy.entries, 1)
    )
    if topology is None:
        return Trial(entries=entries, left_alone=(), pairs=0)
    planned = plan(topology, scopes, looks_at)
    applied = Applied(policy, topology, today)
    timeless = Applied(policy, topology, ALWAYS)
    for item in planned:
        winner = applied.decide(item.pair, item.decision).policy or 0
        for number in timeless.fitting(item.pair, item.decision):
            if number == winner:
                entries[number - 1].pairs.append(item)
            else:
                entries[number - 1].lost[winner] += 1
    for one in entries:
        if not one.pairs:
            one.why_none = _why_none(one, topology, scopes, looks_at)
    alone = sorted(topology.sandbox_by_id[one].name for one in opted_out(topology))
    return Trial(entries=entries, left_alone=tuple(alone), pairs=len(planned))


def _why_none(
    one: EntryTrial, topology: Topology, scopes: Collection[Scope], looks_at: Looks
) -> str:
    """Return why an entry decides nothing, as far as it is known."""
    if one.expired:
        return f"it was in force until {one.entry.until}"
    if one.lost:
        return "; ".join(_lost(one.lost))
    missing = (
        *_missing("from", one.entry.source, topology, looks_at),
        *_missing("to", one.entry.destination, topology, looks_at),
    )
    if missing:
        return "; ".join(missing)
    if not one.entry.scopes & set(scopes):
        return "none of its scopes is probed (probe.scopes)"
    if one.entry.scopes == {Scope.HOST} and not topology.host.available:
        return f"scope host is off: {topology.host.source}"
    return "no pair goes from what fits `from` to what fits `to`"


def _lost(lost: Counter[int]) -> Iterator[str]:
    for number, count in sorted(lost.items()):
        who = f"entry {number} decides" if number else "a label takes out"
        yield f"{who} {counted(count, 'pair')} that it fits"


def _missing(
    end: str, selector: Selector, topology: Topology, looks_at: Looks
) -> Iterator[str]:
    """Yield what a selector names that is not there."""
    fitting = [one for one in topology.networks if selector.fits_network(one)]
    if selector.network and not fitting:
        yield f"{end}: there is no {words_of(_only(selector, 'network'))}"
    elif fitting and not any(map(looks_at, fitting)):
        yield f"{end}: networks.include and networks.exclude leave out what fits"
    if not selector.names_containers or _is_there(selector, topology):
        return
    if any(selector.fits_members((one,)) for one in topology.host_members):
        yield f"{end}: what fits is on the host's network, and so is the host"
        return
    given = [_only(selector, key) for key in CONTAINER_KEYS if getattr(selector, key)]
    absent = [words_of(one) for one in given if not _is_there(one, topology)]
    for words in absent or [", ".join(map(words_of, given))]:
        yield f"{end}: no running container fits {words}"


def _is_there(selector: Selector, topology: Topology) -> bool:
    """Return whether a running container fits, its networks aside."""
    return any(
        selector.fits_members(members_of(topology, sandbox))
        for sandbox in topology.sandboxes
    )


def _only(selector: Selector, key: str) -> Selector:
    return Selector(**{key: getattr(selector, key)})


def words_of(selector: Selector) -> str:
    """Return a selector as a person writes it.

    >>> words_of(Selector(network=("shop_*",), container=("db", "db-*")))
    'network shop_*, container db or db-*'
    """
    given = ((key, getattr(selector, key)) for key in KEYS)
    return ", ".join(f"{key} {' or '.join(globs)}" for key, globs in given if globs)
