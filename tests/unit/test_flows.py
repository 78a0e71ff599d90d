"""When probes begin new connections: soon after a change, and never too often."""

from exporter.flows import APART_S, BLIND_S, Flows
from tests.fakes.clock import HandClock


def due(flows: Flows, clock: HandClock, trigger: str, after_s: float) -> bool:
    """Let time pass, and ask; changes are told."""
    clock.move(after_s)
    return flows.are_stale(trigger, is_told=True)


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
        asked.append(flows.are_stale("interval", is_told=False))

    assert [number for number, stale in enumerate(asked, 1) if stale] == [6, 12]
