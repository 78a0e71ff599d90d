"""How the state of detection is told: sources with their lags, and notices; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.detection.host import Look
from exporter.detection.pace import FILTER_WINDOW, LINK_WINDOW
from exporter.model.detection import Detection, DetectionSource, SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What works of detection at one moment."""

    nftables: bool
    links: bool
    look: Look | None
    """The newest; None before the first, and where the namespace is not entered."""
    representatives: bool
    refusals: Mapping[str, str]
    """As in `Subscription`."""
    failure: str
    """Why the namespace could not be entered; empty if it could, or was not found."""
    wait_s: float
    """Until another sweep is allowed."""
    watch_s: float
    """Between looks."""
    period_s: float
    """Between sweeps of representatives."""


def detection_of(status: Status) -> Detection:
    """Return the sources and what is to be said of them."""
    source = DetectionSource
    soon = status.wait_s
    sysctls = status.look is not None and bool(status.look.sysctls)
    states = (
        (source.NFTABLES, status.nftables, FILTER_WINDOW.most_s + soon),
        (source.LINKS, status.links, LINK_WINDOW.most_s + soon),
        (source.SYSCTLS, sysctls, status.watch_s + FILTER_WINDOW.quiet_s + soon),
        (source.REPRESENTATIVES, status.representatives, status.period_s),
    )
    return Detection(
        sources=tuple(
            SourceState(source=name, active=active, lag_s=lag_s)
            for name, active, lag_s in states
        ),
        notices=tuple(_notices(status)),
    )


def _notices(status: Status) -> Iterator[str]:
    if status.failure:
        yield f"changes on the host are not noticed at once: {status.failure}"
    instead = (
        f"a pair of every two networks is probed every {status.watch_s:g} s instead"
    )
    if "nftables" in status.refusals:
        why = status.refusals["nftables"]
        yield f"changes of nftables are not told ({why}): {instead}"
    if status.look is not None and status.look.legacy:
        tables = ", ".join(status.look.legacy)
        yield f"nobody tells of changes in {tables}: {instead}"
    if "links" in status.refusals:
        why = status.refusals["links"]
        yield f"changes of links are not told ({why}): they show with the next cycle"
    if status.look is not None:
        for line in status.look.unread:
            yield f"changes are not noticed of {line}"
