"""The newest round-trip times: bounded, and only of pairs that exist."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.model.outcome import Observation, Result
from exporter.model.pair import Pair, PairState
from exporter.model.rtts import NEWEST, PAIRS, Rtts
from exporter.model.topology import SandboxId
from tests.fakes.report_samples import reply, silence
from tests.fakes.snapshots import small

START = datetime(2026, 1, 1, tzinfo=UTC)
STATE = next(one for one in small().pairs if one.observation.rtt_s is not None)


def pair(number: int) -> Pair:
    """Return one of many pairs."""
    return STATE.pair._replace(source=SandboxId(f"{number}"))


def states(
    numbers: Iterable[int], seen: Observation | None = None
) -> dict[Pair, PairState]:
    """Return the states of some pairs, which answered if nothing else is said."""
    return {
        pair(number): replace(
            STATE, pair=pair(number), observation=seen or reply(STATE.pair)
        )
        for number in numbers
    }


def turn(rtts: Rtts, *cycles: dict[Pair, PairState]) -> None:
    """Take note of some cycles, a second apart."""
    for number, found in enumerate(cycles):
        rtts.note(found, found, START + timedelta(seconds=number))


def test_the_newest_stay() -> None:
    """In the order that they came in."""
    rtts = Rtts()
    turn(rtts, *(states([1], reply(pair(1), n * 1e-6)) for n in range(1, 100)))

    found = rtts.view().of(pair(1))

    assert found is not None
    assert len(found) == NEWEST
    assert [round((rtt_s or 0) * 1e6) for _, rtt_s in found] == list(
        range(100 - NEWEST, 100)
    )
    assert found[-1][0] == START.timestamp() + 98


def test_silence_is_a_gap_and_what_was_not_probed_is_nothing() -> None:
    """A picture shows the one, and does not invent the other."""
    rtts = Rtts()
    turn(
        rtts,
        states([1]),
        states([1], silence()),
        states([1], silence(Result.SKIPPED)),
        states([1]),
    )

    found = rtts.view().of(pair(1))

    assert [None if rtt_s is None else 1 for _, rtt_s in found or ()] == [1, None, 1]


def test_who_never_answered_has_none() -> None:
    """Nor takes he room."""
    rtts = Rtts()
    turn(rtts, states([1], silence()))

    assert rtts.view().of(pair(1)) is None


def test_there_is_room_for_so_many_and_again_when_some_are_gone() -> None:
    """Those that were first stay; who comes after a gap begins anew."""
    rtts = Rtts()
    everybody = states(range(PAIRS + 10))
    turn(rtts, everybody, everybody)
    full = rtts.view()
    turn(rtts, states(range(5, PAIRS + 10)))
    after = rtts.view()

    assert len(full.slots) == len(after.slots) == PAIRS
    assert full.of(pair(PAIRS + 3)) is None
    assert len(full.of(pair(3)) or ()) == 2
    assert after.of(pair(3)) is None
    assert len(after.of(pair(PAIRS + 3)) or ()) == 1
    assert len(after.counts) == PAIRS


def test_a_view_does_not_change() -> None:
    """It belongs to a snapshot; it is the same object until something is noted."""
    rtts = Rtts()
    turn(rtts, states([1]))
    before = rtts.view()
    assert before is rtts.view()
    turn(rtts, states([1]))

    assert len(before.of(pair(1)) or ()) == 1
    assert rtts.view() is not before


@pytest.mark.parametrize("rtt_s", [25e-6, 61.4e-6, 0.81])
def test_four_bytes_are_exact_enough(rtt_s: float) -> None:
    """To a part in ten millions."""
    rtts = Rtts()
    turn(rtts, states([1], reply(pair(1), rtt_s)))

    ((_, kept_s),) = rtts.view().of(pair(1)) or ()
    assert kept_s == pytest.approx(rtt_s, rel=1e-7)
