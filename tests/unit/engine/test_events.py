"""What an event puts in doubt, and when that is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine.events import (
    EVENT_LABELS,
    Batch,
    Change,
    EngineEvent,
    parse_event,
)
from exporter.model.topology import ContainerId, NetworkId
from tests.fakes.engine import VERSIONS, Raw, recording
from tests.unit.engine.odd_json import ODD_VALUES, mutated

WEB = ContainerId("w" * 64)
FRONT = NetworkId("f" * 64)


def container_event(action: str) -> EngineEvent:
    """Return an event of the container WEB."""
    return parse_event({"Type": "container", "Action": action, "Actor": {"ID": WEB}})


@pytest.mark.parametrize(
    ("action", "label", "telling"),
    [
        ("create", "create", True),
        ("start", "start", True),
        ("die", "die", True),
        ("pause", "pause", True),
        ("unpause", "unpause", True),
        ("rename", "rename", True),
        ("update", "update", True),
        ("destroy", "destroy", True),
        ("kill", "kill", False),
        ("oom", "oom", False),
        ("exec_create: sh -c date", "other", False),
        ("health_status: healthy", "other", False),
        ("top", "other", False),
    ],
)
def test_container_events(action: str, label: str, telling: bool) -> None:
    """A signal sent is no state; a health check every second is none either."""
    event = container_event(action)

    assert ("container", label, WEB, None) == (
        event.type,
        event.action,
        event.container,
        event.network,
    )
    assert telling is event.is_telling


def test_network_events_name_network_and_container() -> None:
    """Both are in doubt after a connect or disconnect."""
    event = parse_event(
        {
            "Type": "network",
            "Action": "disconnect",
            "Actor": {"ID": FRONT, "Attributes": {"container": WEB, "name": "front"}},
            "time": 5,
            "timeNano": 5_000_000_001,
        }
    )

    assert (
        EngineEvent(
            type="network",
            action="disconnect",
            container=WEB,
            network=FRONT,
            time_ns=5_000_000_001,
        )
        == event
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Type": "image", "Action": "pull"}, id="another kind"),
        pytest.param({"Type": "other", "Action": "other"}, id="by that name"),
    ],
)
def test_what_is_not_known_is_other(raw: dict[str, object]) -> None:
    """It is counted, and nothing follows from it."""
    assert EngineEvent(type="other", action="other") == parse_event(raw)
    assert not parse_event(raw).is_telling


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_events_are_known(version: str) -> None:
    """A container's life on a real engine has no event that we do not expect."""
    events = [parse_event(raw) for raw in recording(version)["events"]]

    assert events
    assert [] == [e for e in events if "other" in (e.type, e.action)]
    assert all(e.time_ns for e in events)


@given(st.sampled_from(VERSIONS).flatmap(lambda v: mutated(recording(v)["events"])))
def test_odd_events_are_labelled_from_a_closed_set(events: Raw) -> None:
    """Whatever an engine says, the metric's labels stay few."""
    for raw in events if isinstance(events, list) else []:
        event = parse_event(raw)
        assert (event.type, event.action) in EVENT_LABELS


@given(ODD_VALUES)
def test_anything_is_an_event(raw: Raw) -> None:
    """Never an exception."""
    assert parse_event(raw).type == "other"


def test_a_batch_is_due_after_a_quiet_window() -> None:
    """Every further event puts it off, up to the limit from the first."""
    batch = Batch(window_s=0.05, max_window_s=0.25)
    assert None is batch.due_s()

    batch.add(container_event("die"), 10.0)
    assert 10.05 == batch.due_s()
    batch.add(container_event("stop"), 10.04)
    assert 10.09 == batch.due_s()
    batch.add(container_event("start"), 10.24)
    assert 10.25 == batch.due_s()


def test_events_that_tell_nothing_do_not_put_it_off() -> None:
    """A container with a health check every second must not delay the others."""
    batch = Batch()
    batch.add(container_event("exec_start: true"), 10.0)
    assert None is batch.due_s()

    batch.add(container_event("start"), 11.0)
    batch.add(container_event("kill"), 11.04)
    assert 11.05 == batch.due_s()


def test_taking_a_batch_empties_it() -> None:
    """Each container and network once, however often they were named."""
    batch = Batch()
    for action in ("die", "stop", "start"):
        batch.add(container_event(action), 10.0)
    batch.add(
        EngineEvent(type="network", action="connect", container=WEB, network=FRONT),
        10.0,
    )

    assert (
        Change(containers=frozenset({WEB}), networks=frozenset({FRONT})) == batch.take()
    )
    assert None is batch.due_s()
    assert Change() == batch.take()


def test_a_resync_is_due_at_once_and_keeps_the_suspects() -> None:
    """Who was named by an event is asked for, whatever the list says."""
    batch = Batch()
    batch.add(container_event("die"), 10.0)

    batch.resync("gap", 10.01)

    assert 10.0 == batch.due_s()
    assert (
        Change(containers=frozenset({WEB}), resync=True, reason="gap") == batch.take()
    )
    assert not batch.take().resync


def test_a_reconfigured_engine_is_asked_for_everything() -> None:
    """SIGHUP changes what `/info` says."""
    batch = Batch()

    batch.add(parse_event({"Type": "daemon", "Action": "reload"}), 10.0)

    assert Change(resync=True, reason="reload") == batch.take()
