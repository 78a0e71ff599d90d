"""A container as one inspect answer tells of it, before it meets the networks.

What depends on the rest of the engine (unique names, which networks exist, whose
namespace is shared) is decided in `assemble`; a record can be kept and reused.
"""

from dataclasses import dataclass
from datetime import datetime

from exporter.model.topology import Container, ContainerId, Endpoint

Witness = tuple[str, str, frozenset[tuple[str, ...]]]
"""State, name and endpoints, as both the list and the inspect answer tell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """An endpoint under the network name that the container knows it by."""

    network_name: str
    endpoint: Endpoint
    """Its network id is as written: podman writes names, and it may be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRecord:
    """One container, self-contained."""

    container: Container
    """Named by its stable name, perhaps not unique; without endpoints."""
    attachments: tuple[Attachment, ...] = ()
    """Only those of a running container: a stopped one's are stale."""
    created: datetime | None = None
    witness: Witness | None = None
    """What a list entry must say for this record to hold; None if it cannot tell."""

    @property
    def id(self) -> ContainerId:
        """Return the container's id."""
        return self.container.id
