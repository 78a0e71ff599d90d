"""Since when containers are on networks."""

from datetime import UTC, datetime

import pytest

from exporter.engine.attachments import Attachments
from exporter.engine.events import EngineEvent
from exporter.model.topology import ContainerId, NetworkId

WEB, FRONT, BACK = ContainerId("web"), NetworkId("front"), NetworkId("back")
SECOND_NS = 1_000_000_000


def event(
    action: str,
    network: NetworkId | None = FRONT,
    *,
    second: int = 1,
    kind: str = "network",
) -> EngineEvent:
    """Return an event of web's."""
    return EngineEvent(
        type=kind,
        action=action,
        container=WEB,
        network=network,
        time_ns=second * SECOND_NS,
    )


def test_a_connection_is_remembered_with_its_time() -> None:
    """The engine's own time, to the microsecond."""
    known = Attachments()
    known.note(event("connect", second=1_700_000_000))

    expected = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert {(WEB, FRONT): expected} == known.known()


def test_a_later_connection_counts() -> None:
    """After a restart it is the newer one."""
    known = Attachments()
    for second in (1, 5):
        known.note(event("connect", second=second))

    assert 5 == known.known()[WEB, FRONT].second


def test_a_disconnection_is_forgotten() -> None:
    """Only of that network; said twice it does no harm (20.10, 26.1)."""
    known = Attachments()
    known.note(event("connect"))
    known.note(event("connect", BACK))
    known.note(event("disconnect"))
    known.note(event("disconnect"))

    assert [(WEB, BACK)] == list(known.known())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(event("start", None, kind="container"), id="of a container"),
        pytest.param(event("create"), id="another action"),
        pytest.param(event("connect", None), id="without a network"),
        pytest.param(event("connect", second=0), id="without a time"),
        pytest.param(event("connect", kind="container"), id="of another kind"),
    ],
)
def test_other_events_tell_nothing(other: EngineEvent) -> None:
    """Nothing is made up."""
    known = Attachments()
    known.note(other)

    assert {} == known.known()


def test_the_oldest_are_forgotten_first() -> None:
    """The memory is bounded."""
    known = Attachments(limit=2)
    for number in range(3):
        known.note(event("connect", NetworkId(f"n{number}")))

    assert [(WEB, "n1"), (WEB, "n2")] == list(known.known())


def test_what_was_told_does_not_change() -> None:
    """It is a copy."""
    known = Attachments()
    before = known.known()
    known.note(event("connect"))

    assert {} == before
