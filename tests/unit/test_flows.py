"""When probes begin new connections: soon after a change, and never too often."""

from exporter.flows import APART_S, BLIND_S, Flows
from tests.fakes.clock import HandClock


def due(flows: Flows, clock: HandClock, trigger: str, after_s: float) -> bool:
    """Let time pass, and ask; changes are told."""
    clock.move(after_s)
    flows.note(trigger)
    return begun(flows, is_told=True)


def begun(flows: Flows, *, is_told: bool) -> bool:
    """Ask, and begin anew if it is due."""
    noted = flows.due(is_told=is_told)
    if noted is not None:
        flows.began(noted)
    return noted is not None


def test_after_a_change_once() -> None:
    """The cycle that looks at it, and none after it."""
    flows = Flows(clock := HandClock())

    assert not due(flows, clock, "interval", 1000)
    assert due(flows, clock, "firewall", 1)
    assert not due(flows, clock, "interval", 1000)


def test_a_change_soon_after_another_waits() -> None:
    """Each costs an entry for every pair for half a minute; but none is forgotten."""
    flows = Flows(clock := HandClock())
    assert due(flows, clock, "sysctl", APART_S)

    assert not due(flows, clock, "firewall", APART_S - 1)
    assert due(flows, clock, "interval", 1)


def test_where_nobody_tells_every_minute() -> None:
    """What was changed unseen is met all the same."""
    flows = Flows(clock := HandClock())
    asked = []
    for _ in range(13):
        clock.move(BLIND_S / 6)
        asked.append(begun(flows, is_told=False))

    assert [number for number, stale in enumerate(asked, 1) if stale] == [6, 12]


def test_a_change_is_not_forgotten_while_none_is_begun() -> None:
    """Probing may be paused, or the budget another process's."""
    flows = Flows(clock := HandClock())
    flows.note("firewall")
    clock.move(APART_S)

    assert flows.due(is_told=True) == flows.due(is_told=True) is not None


def test_a_change_while_one_is_begun_asks_for_another() -> None:
    """Whether it was in time for that one nobody knows."""
    flows = Flows(clock := HandClock())
    flows.note("firewall")
    clock.move(APART_S)
    noted = flows.due(is_told=True)
    assert noted is not None
    flows.note("firewall")
    flows.began(noted)

    assert due(flows, clock, "interval", APART_S)
