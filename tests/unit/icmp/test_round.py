"""The end of a round: what has come in time counts, however late it is looked at."""

import time
from types import SimpleNamespace
from typing import Any

from exporter.icmp.round import Pace, Round

TIMEOUT_S = 0.001


def waiting(timeout_s: float = TIMEOUT_S) -> tuple[Round, Any, Any]:
    """Return a round that has sent a packet and waits, its echoes and lookups."""
    echoes = SimpleNamespace(packets=1, passes=0, groups=[], outstanding=1)
    lookups = SimpleNamespace(size=0, passes=0, outstanding=0, retry=lambda: None)
    pace = Pace(timeout_s, 1000.0, 0.0, lambda: False)
    current = Round(
        echoes,  # type: ignore[arg-type]  # of which a round needs no more
        lookups,  # type: ignore[arg-type]  # likewise
        pace,
        drain=lambda _: None,
    )
    assert current.step() == 0.0
    return current, echoes, lookups


def test_a_thread_that_was_kept_waiting_looks_once_more() -> None:
    """On a busy host the reply came in time, and lies in the socket unread."""
    current, echoes, _ = waiting()
    time.sleep(2 * TIMEOUT_S)

    assert current.step() == 0.0
    assert not current.complete
    echoes.outstanding = 0  # the loop has read what was there
    assert current.step() is None
    assert current.complete


def test_answers_to_questions_are_looked_for_after_the_deadline() -> None:
    """Though the last look was a moment ago: they may lie in another process."""
    current, echoes, lookups = waiting()
    echoes.outstanding, lookups.outstanding = 0, 1
    time.sleep(2 * TIMEOUT_S)

    def look() -> None:
        lookups.outstanding = 0

    lookups.look = look
    assert current.step() is None
    assert current.complete


def test_answers_are_looked_for_now_and_then() -> None:
    """Not whenever something happens, as each look may take another process."""
    current, _, lookups = waiting(timeout_s=60)
    looks = []
    lookups.outstanding, lookups.look = 1, lambda: looks.append(time.monotonic())
    began_s = time.monotonic()
    while time.monotonic() < began_s + 0.1:
        wait_s = current.step()
        assert wait_s is not None
        assert wait_s <= 0.1

    assert 3 <= len(looks) <= 6  # after 4, 12, 28 and 60 ms


def test_it_does_not_look_for_ever() -> None:
    """What has not come by then has had its time."""
    current, _, _ = waiting()
    time.sleep(2 * TIMEOUT_S)

    assert [current.step(), current.step()] == [0.0, None]
    assert current.complete
