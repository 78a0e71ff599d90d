"""What may have changed since the engine was asked last."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """What has to be looked at again."""

    containers: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    resync: str = ""
    """Why everything must be listed again: start, gap, interval; empty if not."""

    def __or__(self, other: "Dirt") -> "Dirt":
        """Return both together."""
        return Dirt(
            containers=self.containers | other.containers,
            networks=self.networks | other.networks,
            resync=self.resync or other.resync,
        )

    def __bool__(self) -> bool:
        """Return whether there is anything to look at."""
        return bool(self.containers or self.networks or self.resync)
