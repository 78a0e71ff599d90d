"""Sets and maps of nftables with their elements, as ranges; no I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from exporter.netfilter.objects import (
    INTERVAL,
    Element,
    ListedSet,
    Verdict,
)

MAX_ELEMENTS: Final = 4096
"""Of one set; a greater one is not understood. Lists of blocked addresses are."""

SetKey: TypeAlias = tuple[int, str, str]
"""Family, table and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A range of keys, and what a map says of it."""

    first: bytes
    last: bytes
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContent:
    """A set with what it holds."""

    listed: ListedSet
    entries: tuple[Entry, ...]
    is_complete: bool = True
    """False: it holds more than is understood."""


Sets: TypeAlias = Mapping[SetKey, SetContent]


def fill(listed: ListedSet, elements: Iterable[Element]) -> SetContent:
    """Return a set with its elements, intervals put together."""
    known = tuple(elements)
    complete = len(known) <= MAX_ELEMENTS and not any(e.is_catch_all for e in known)
    if not complete:
        return SetContent(listed=listed, entries=(), is_complete=False)
    if listed.flags & INTERVAL and not any(e.key_end is not None for e in known):
        return SetContent(listed=listed, entries=tuple(_intervals(known)))
    entries = tuple(
        Entry(
            first=element.key,
            last=element.key if element.key_end is None else element.key_end,
            verdict=element.verdict,
        )
        for element in known
        if not element.ends_interval
    )
    return SetContent(listed=listed, entries=entries)


def _intervals(elements: Iterable[Element]) -> Iterator[Entry]:
    """Join elements that begin an interval with those that end it, which is excluded.

    One without an end reaches to the last key.
    """
    # Where one ends and the next begins, the end comes first.
    ordered = sorted(elements, key=lambda e: (e.key, not e.ends_interval))
    begun: Element | None = None
    for element in ordered:
        if begun is not None:
            before = int.from_bytes(element.key, "big") - 1
            last = max(before, 0).to_bytes(len(element.key), "big")
            yield Entry(first=begun.key, last=last, verdict=begun.verdict)
        begun = None if element.ends_interval else element
    if begun is not None:
        last = b"\xff" * len(begun.key)
        yield Entry(first=begun.key, last=last, verdict=begun.verdict)
