"""Checks of settings against each other."""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.config.schema import Config
from exporter.config.units import duration_text
from exporter.model.outcome import Scope

_WAITS_PER_CYCLE = 4
"""Own address, probes, confirmation and names may each end in a timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """A condition on several settings."""

    paths: tuple[str, ...]
    """Settings it looks at; a problem is reported where the first of them was set."""
    problem: Callable[[Config], str | None]


def _timeout_fits(config: Config) -> str | None:
    timeout_s, interval_s = config.probe.timeout, config.probe.interval
    if _WAITS_PER_CYCLE * timeout_s <= interval_s:
        return None
    return (
        f"a cycle may wait four times for probe.timeout ({duration_text(timeout_s)}), "
        f"which does not fit into probe.interval ({duration_text(interval_s)})"
    )


def _has_controls(config: Config) -> str | None:
    scopes = config.probe.scopes
    missing = [s for s in (Scope.HOST, Scope.GATEWAY) if s not in scopes]
    if Scope.CONTAINER not in scopes or not missing:
        return None
    return (
        f"container needs {' and '.join(missing)} as well: without them silence would "
        "prove nothing"
    )


CROSS_CHECKS = (
    CrossCheck(paths=("probe.scopes",), problem=_has_controls),
    CrossCheck(paths=("probe.timeout", "probe.interval"), problem=_timeout_fits),
)
