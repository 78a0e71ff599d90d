"""What a person asks of one check."""

from dataclasses import dataclass

from exporter.model.topology import ContainerId, SandboxId


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """One cycle, now."""

    everything: bool = False
    """Every pair, for as long as the neighbour table demands."""
    networks: tuple[str, ...] = ()
    """Only pairs with an end on one of these networks; empty for all."""
    timeout_s: float | None = None
    """How long a reply is waited for, seconds; None for the configured time."""
    only: tuple[SandboxId, ContainerId | None] | None = None
    """Only the pairs from a source to a destination (None: its gateways), probed
    whatever the plan would leave out; controls may be probed beside them."""
