"""What of a policy tells sandboxes apart, so that one may not speak for the other."""

from dataclasses import replace

from exporter.model.policy import Applied, Policy, PolicyEntry, Selector
from exporter.model.topology import SandboxId
from tests.fakes.policies import TODAY, entry, labelled
from tests.fakes.topologies import demo


def marks(*entries: PolicyEntry, opted_out: bool = False) -> set[object]:
    """Return the marks of two containers on one bridge, of which one is named."""
    found = demo()
    if opted_out:
        changed = tuple(
            labelled(one, dockernet_ignore="true") if one.id == "bridge1" else one
            for one in found.containers
        )
        found = replace(found, containers=changed)
    applied = Applied(Policy(entries=entries), found, TODAY)
    return {applied.marks(SandboxId(name)) for name in ("bridge1", "bridge2")}


def test_as_sources_as_destinations_and_by_their_label() -> None:
    """Without any of these they are alike."""
    named = Selector(container=("bridge1",))

    assert len(marks()) == 1
    assert len(marks(entry(source=named))) == 2
    assert len(marks(entry(destination=named))) == 2
    assert len(marks(opted_out=True)) == 2
