"""Silence that comes of a rule: the packet or its reply is dropped or rejected."""

from collections.abc import Iterator

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis.filters import DOCKER_USER, Passage, is_under, passages
from exporter.model.diagnosis.scene import Scene
from exporter.model.firewall import Fate

_STOPPED = frozenset({Fate.DROP, Fate.REJECT})
_STOPPING_WORDS = frozenset({"DROP", "REJECT", "drop", "reject", "DENY"})


def find(scene: Scene) -> Iterator[Cause]:
    """Yield the rules that stop the request, and then those that stop the reply."""
    told: set[str] = set()
    for reply in (False, True):
        for passage in passages(scene, reply=reply):
            if passage.trace.fate in _STOPPED:
                if passage.line not in told:
                    yield _stopped(passage, reply=reply)
                told.add(passage.line)
                break
            if passage.trace.fate is Fate.UNCLEAR and _may_stop(passage):
                yield cause(
                    CauseId.DROPPED_BY_RULE,
                    f"{passage.line} (not every condition of it is understood)",
                    certain=False,
                )


def isolating(scene: Scene) -> str | None:
    """Return the rule of Docker's own that stops the request, None if none does."""
    bridges = {end.bridge.name for end in scene.ends if end.bridge is not None}
    for passage in passages(scene):
        if passage.trace.fate in _STOPPED:
            step = passage.trace.decided_by
            theirs = step is not None and (
                step.chain.startswith("DOCKER")
                or not bridges.isdisjoint(step.rule.split())
                or step.rule.startswith("policy ")
            )
            under_user = is_under(passage.trace, DOCKER_USER)
            return passage.line if theirs and not under_user else None
    return None


def _stopped(passage: Passage, *, reply: bool) -> Cause:
    evidence = passage.line + (" (the reply)" if reply else "")
    if is_under(passage.trace, DOCKER_USER):
        return cause(CauseId.DOCKER_USER_DROPS, evidence, certain=True)
    return cause(CauseId.DROPPED_BY_RULE, evidence, certain=True)


def _may_stop(passage: Passage) -> bool:
    step = passage.trace.decided_by
    return step is not None and not _STOPPING_WORDS.isdisjoint(step.rule.split())
