"""Ends that the kernel tells of before the engine does."""

from dataclasses import replace

from exporter.model.topology import Sandbox, SandboxId, Topology
from exporter.presence import LAG_S, Presence
from tests.fakes.clock import HandClock
from tests.fakes.topologies import demo

ONE, TWO = SandboxId("mybridge1"), SandboxId("mybridge2")


def without(found: Topology, gone: SandboxId) -> Topology:
    """Return a topology as it is once the engine knows of an end."""
    left = tuple(sandbox for sandbox in found.sandboxes if sandbox.id != gone)
    return replace(found, sandboxes=left)


def restarted(found: Topology, which: SandboxId) -> Topology:
    """Return a topology in which a container has another first process."""

    def other(sandbox: Sandbox) -> Sandbox:
        return replace(sandbox, pid=99) if sandbox.id == which else sandbox

    return replace(found, sandboxes=tuple(map(other, found.sandboxes)))


def test_the_engine_that_lags_behind_is_not_believed() -> None:
    """It calls a container running that has ended: silence is no fault of a network."""
    found, presence = demo(), Presence(HandClock())
    presence.went(ONE)

    presence.settle(presence.noted(), found, found)
    is_there = presence.still_in(found, lambda: found)

    assert (is_there(ONE), is_there(TWO)) == (False, True)


def test_a_dead_container_that_the_engine_insists_on_is_judged_in_the_end() -> None:
    """A fault of the engine is not hidden for ever."""
    found, clock = demo(), HandClock()
    presence = Presence(clock)
    presence.went(ONE)

    clock.move(LAG_S + 1)

    assert presence.still_in(found, lambda: found)(ONE)


def test_a_container_that_started_anew_is_there_again() -> None:
    """Its old end says nothing about its new life."""
    found, presence = demo(), Presence(HandClock())
    presence.went(ONE)
    again = restarted(found, ONE)

    presence.settle(presence.noted(), found, again)

    assert presence.still_in(again, lambda: again)(ONE)


def test_an_end_during_the_question_outlives_the_answer() -> None:
    """The answer may be from before."""
    found, presence = demo(), Presence(HandClock())
    noted = presence.noted()
    presence.went(ONE)

    presence.settle(noted, found, restarted(found, ONE))

    assert not presence.still_in(found, lambda: found)(ONE)


def test_an_end_that_the_engine_knows_of_is_forgotten() -> None:
    """The record does not grow."""
    found, presence = demo(), Presence(HandClock())
    presence.went(ONE)

    presence.settle(presence.noted(), found, without(found, ONE))

    assert presence.noted() == frozenset()


def test_who_left_a_network_meanwhile_is_not_what_it_was() -> None:
    """Silence at an address that was taken away breaks no promise."""
    found, presence = demo(), Presence(HandClock())

    def bare(sandbox: Sandbox) -> Sandbox:
        return replace(sandbox, endpoints=()) if sandbox.id == ONE else sandbox

    later = replace(found, sandboxes=tuple(map(bare, found.sandboxes)))
    is_there = presence.still_in(found, lambda: later)

    assert (is_there(ONE), is_there(TWO)) == (False, True)


def test_a_new_name_changes_nothing() -> None:
    """Renaming does not throw away what was seen."""
    found, presence = demo(), Presence(HandClock())
    renamed = tuple(replace(sandbox, name="x") for sandbox in found.sandboxes)
    later = replace(found, sandboxes=renamed)

    assert presence.still_in(found, lambda: later)(ONE)


def test_ended_is_who_is_missing_or_known_to_be_dead() -> None:
    """Not who came back."""
    found, presence = demo(), Presence(HandClock())
    presence.went(ONE)
    presence.went(TWO)

    later = without(restarted(found, ONE), SandboxId("bridge1"))

    assert presence.ended(found, later) == {TWO, SandboxId("bridge1")}


def test_an_end_heard_of_late_is_not_the_next_lifes() -> None:
    """A quick restart: the new start may be known before the old end is settled."""
    found, presence = demo(), Presence(HandClock())
    again = restarted(found, ONE)
    noted = presence.noted()
    presence.went(ONE, found)  # while the engine was being asked

    presence.settle(noted, found, again)

    assert presence.still_in(again, lambda: again)(ONE)
    assert not presence.still_in(found, lambda: found)(ONE)


def test_of_who_ended_long_ago_nothing_is_kept() -> None:
    """A host that starts a container a minute would else fill the memory in a year."""
    found, presence = demo(), Presence(HandClock())
    presence.went(ONE, found)

    presence.settle(presence.noted(), found, without(found, ONE))

    assert presence._starts == {}  # noqa: SLF001 - what would grow
