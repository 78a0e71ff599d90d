"""Names that survive restarts, and no name twice.

Labels that any user of the engine may set decide, so they are believed only as far
as they look like the names that compose and swarm make.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

_COMPOSE = "com.docker.compose."
_SWARM = "com.docker.swarm."
_STACK = "com.docker.stack.namespace"

# The engine's own rule for container names (moby `daemon/names/names.go`).
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_NUMBER = re.compile(r"[0-9]{1,9}")


def short_id(identity: str) -> str:
    """Return the 12 characters that Docker's own tools show of an id."""
    return identity[:12]


def raw_name(name: str, identity: str) -> str:
    """Return a container's name as its user knows it; its short id if it has none."""
    return name.removeprefix("/") or short_id(identity)


def project_of(labels: Mapping[str, str]) -> str | None:
    """Return the compose project or the swarm stack, None for neither."""
    return _name(labels, _COMPOSE + "project") or _name(labels, _STACK)


def service_of(labels: Mapping[str, str]) -> str | None:
    """Return the compose or swarm service, None for neither."""
    return _name(labels, _COMPOSE + "service") or _name(labels, _SWARM + "service.name")


def stable_name(raw_name: str, labels: Mapping[str, str]) -> str:
    """Return the name of a container that its successors will have too.

    compose gives `project-service-N`, swarm `service.slot` (a global service:
    `service.` and the node's short id), everything else keeps the engine's name.
    A one-off `compose run` is nobody's successor.
    """
    return _compose_name(labels) or _swarm_name(labels) or raw_name


def unique_names(claims: Iterable[tuple[Key, str, str]]) -> dict[Key, str]:
    """Give every claimant a name of its own.

    Args:
        claims: key, wanted name and id of each; who comes first keeps the plain name.

    Returns:
        The name by key; a later claimant's carries its short id.
    """
    ordered = list(claims)
    names: dict[Key, str] = {}
    taken: set[str] = set()
    late: list[tuple[Key, str, str]] = []
    for key, wanted, identity in ordered:
        if wanted in taken:
            late.append((key, wanted, identity))
            continue
        taken.add(wanted)
        names[key] = wanted
    for key, wanted, identity in late:
        name = f"{wanted}-{short_id(identity)}"
        while name in taken:
            name += "-"
        taken.add(name)
        names[key] = name
    return names


def _compose_name(labels: Mapping[str, str]) -> str | None:
    project = _name(labels, _COMPOSE + "project")
    service = _name(labels, _COMPOSE + "service")
    number = labels.get(_COMPOSE + "container-number", "")
    if project is None or service is None or not _NUMBER.fullmatch(number):
        return None
    if labels.get(_COMPOSE + "oneoff", "").lower() == "true":
        return None
    return f"{project}-{service}-{number}"


def _swarm_name(labels: Mapping[str, str]) -> str | None:
    task_name = _name(labels, _SWARM + "task.name")
    task_id = _name(labels, _SWARM + "task.id")
    service = _name(labels, _SWARM + "service.name")
    if task_name is None or task_id is None or service is None:
        return None
    slot = task_name.removeprefix(service + ".").removesuffix("." + task_id)
    if f"{service}.{slot}.{task_id}" != task_name:
        return None
    # A slot is a number; a global service has the node's id in its place.
    return f"{service}.{slot if _NUMBER.fullmatch(slot) else short_id(slot)}"


def _name(labels: Mapping[str, str], key: str) -> str | None:
    found = labels.get(key, "")
    return found if _NAME.fullmatch(found) else None
