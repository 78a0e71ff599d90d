"""The user's policy: how many pairs it decides, and which entries have expired."""

from collections.abc import Iterator

from exporter.metrics.facts import PairFacts
from exporter.metrics.family import Family, Kind, Label, Samples
from exporter.model.policy import EXPECTATIONS
from exporter.model.snapshot import Snapshot

DATED_ENTRIES_LIMIT = 100
"""Entries with a date that have series of their own, in the order of the policy."""
_STATES = ("active", "expired")
_ENTRY = Label(name="entry", text="Number of the entry of the policy, from 1.")
_REASON = Label(name="reason", text="Why, in the words of the entry; may be empty.")

ENTRIES = Family(
    name="policy_entries",
    kind=Kind.GAUGE,
    help="Entries of the policy in force; those that have expired decide nothing.",
    labels=(
        Label(name="state", text="Whether it still decides anything.", values=_STATES),
    ),
    bound="2, always both of them",
    most=lambda _: len(_STATES),
)
ENTRY_EXPIRED = Family(
    name="policy_entry_expired",
    kind=Kind.GAUGE,
    help="Whether an entry with a date has expired (1); of the first "
    f"{DATED_ENTRIES_LIMIT} that have one.",
    labels=(_ENTRY, _REASON),
    bound=str(DATED_ENTRIES_LIMIT),
    most=lambda _: DATED_ENTRIES_LIMIT,
)
ENTRY_EXPIRY = Family(
    name="policy_entry_expiry_timestamp_seconds",
    kind=Kind.GAUGE,
    help="When an entry with a date expires: the midnight (UTC) after its last day; of "
    f"the first {DATED_ENTRIES_LIMIT} that have one.",
    labels=(_ENTRY,),
    bound=str(DATED_ENTRIES_LIMIT),
    most=lambda _: DATED_ENTRIES_LIMIT,
)
PAIRS = Family(
    name="policy_pairs",
    kind=Kind.GAUGE,
    help="Pairs of every scope that an entry of the policy decides.",
    labels=(Label(name="expect", text="What it expects.", values=tuple(EXPECTATIONS)),),
    bound="3, always all of them",
    most=lambda _: len(EXPECTATIONS),
)
FAMILIES = (ENTRIES, ENTRY_EXPIRED, ENTRY_EXPIRY, PAIRS)


def collect(snapshot: Snapshot, facts: PairFacts) -> Iterator[Samples]:
    """Yield the samples of these families."""
    expired = {number for number, _ in snapshot.expired}
    states = Samples(ENTRIES)
    states.put(len(snapshot.policy.entries) - len(expired), "active")
    states.put(len(expired), "expired")
    yield states
    gone, expiries = Samples(ENTRY_EXPIRED), Samples(ENTRY_EXPIRY)
    for number, entry in enumerate(snapshot.policy.entries, 1):
        if entry.expiry is not None and len(gone.values) < DATED_ENTRIES_LIMIT:
            gone.put(number in expired, str(number), entry.reason)
            expiries.put(entry.expiry.timestamp(), str(number))
    yield gone
    yield expiries
    pairs = Samples(PAIRS)
    for word, expected in EXPECTATIONS.items():
        pairs.put(facts.policy[expected], word)
    yield pairs
