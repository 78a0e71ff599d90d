"""One character for what is known of a pair, worst first."""

from collections.abc import Iterable
from enum import Enum
from typing import assert_never

from exporter.model.outcome import Expected, Verdict
from exporter.model.pair import PairState
from exporter.report.page import Glyphs, Role


class Mark(Enum):
    """What a cell of a matrix shows; the order is from worst to least."""

    LEAKING = "leaking"
    BROKEN = "broken"
    UNVERIFIED = "unverified"
    REACHABLE = "reachable"
    ISOLATED = "isolated"
    NOT_PROBED = "not_probed"

    def glyph(self, glyphs: Glyphs) -> str:
        """Return the character."""
        character: str = getattr(glyphs, self.value)
        return character

    @property
    def role(self) -> Role:
        """Return how it is painted."""
        return _ROLES[self]

    @property
    def meaning(self) -> str:
        """Return what it says, in words; for names, reachable means resolved."""
        return _MEANINGS[self]


_ROLES = {
    Mark.LEAKING: Role.BAD,
    Mark.BROKEN: Role.BAD,
    Mark.UNVERIFIED: Role.DOUBT,
    Mark.REACHABLE: Role.GOOD,
    Mark.ISOLATED: Role.QUIET,
    Mark.NOT_PROBED: Role.QUIET,
}
_MEANINGS = {
    Mark.LEAKING: "reachable, isolation promised",
    Mark.BROKEN: "unreachable, reachability promised",
    Mark.UNVERIFIED: "unverified",
    Mark.REACHABLE: "reachable as promised",
    Mark.ISOLATED: "isolated as promised",
    Mark.NOT_PROBED: "not probed or not judged",
}
_SEVERITY = {mark: number for number, mark in enumerate(Mark)}


def mark_of(state: PairState) -> Mark:
    """Return the mark of one pair."""
    return mark_for(state.verdict, state.decision.expected)


def mark_for(verdict: Verdict, expected: Expected) -> Mark:
    """Return the mark of pairs with a verdict and a promise."""
    match verdict:
        case Verdict.UNEXPECTED_REACHABLE:
            return Mark.LEAKING
        case Verdict.UNEXPECTED_UNREACHABLE:
            return Mark.BROKEN
        case Verdict.UNVERIFIED:
            return Mark.UNVERIFIED
        case Verdict.AS_EXPECTED:
            isolated = expected is Expected.ISOLATED
            return Mark.ISOLATED if isolated else Mark.REACHABLE
        case Verdict.NOT_JUDGED | Verdict.SKIPPED:
            return Mark.NOT_PROBED
        case _:
            assert_never(verdict)


def worst(marks: Iterable[Mark]) -> Mark:
    """Return the worst of some marks.

    Raises:
        ValueError: there are none.
    """
    return min(marks, key=_SEVERITY.__getitem__)
