"""The end of a round: what has come in time counts, however late it is looked at."""

import time
from types import SimpleNamespace
from typing import Any

from exporter.icmp.round import Pace, Round

TIMEOUT_S = 0.001


def asked() -> tuple[Round, Any]:
    """Return a round that has sent a packet and waits, and its echoes."""
    echoes = SimpleNamespace(packets=1, passes=0, groups=[], outstanding=1)
    lookups = SimpleNamespace(size=0, passes=0, outstanding=0, retry=lambda: None)
    pace = Pace(TIMEOUT_S, 1000.0, 0.0, lambda: False)
    current = Round(
        echoes,  # type: ignore[arg-type]  # of which a round needs no more
        lookups,  # type: ignore[arg-type]  # likewise
        pace,
        drain=lambda _: None,
    )
    assert current.step() == 0.0
    return current, echoes


def test_a_thread_that_was_kept_waiting_looks_once_more() -> None:
    """On a busy host the reply came in time, and lies in the socket unread."""
    current, echoes = asked()
    time.sleep(2 * TIMEOUT_S)

    assert current.step() == 0.0
    assert not current.complete
    echoes.outstanding = 0  # the loop has read what was there
    assert current.step() is None
    assert current.complete


def test_it_does_not_look_for_ever() -> None:
    """What has not come by then has had its time."""
    current, _ = asked()
    time.sleep(2 * TIMEOUT_S)

    assert [current.step(), current.step()] == [0.0, None]
    assert current.complete
