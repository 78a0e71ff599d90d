"""A check on a terminal: who reaches whom, what is wrong, and how it went.

Rows are sources, columns destinations: by container while that fits, else by
network; whatever is wrong is always said by container.
"""

from collections import Counter
from collections.abc import Iterator

from exporter.model.outcome import Scope
from exporter.model.snapshot import Snapshot
from exporter.model.topology import IpVersion, Network, Topology
from exporter.report.cells import width_of
from exporter.report.findings import findings
from exporter.report.grid import (
    Grid,
    container_count,
    container_grid,
    families,
    network_grid,
)
from exporter.report.layout import best_layout, drawn
from exporter.report.marks import Mark, mark_of
from exporter.report.page import (
    BLANK,
    Glyphs,
    Line,
    Page,
    Role,
    Span,
    clean,
    flowed,
    pad,
)
from exporter.report.summary import notice_lines, summary_lines
from exporter.report.words import counted, moment


def matrix(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield the whole report of a check."""
    yield from _title(snapshot, page)
    for grid, versions in _grids(snapshot, page):
        yield BLANK
        yield from _matrix(grid, versions, snapshot, page)
    yield BLANK
    yield from _totals(snapshot, page)
    yield BLANK
    yield from findings(snapshot, page)
    yield from notice_lines(snapshot, page)
    yield from summary_lines(snapshot, page)


def _title(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    topology = snapshot.topology
    if topology is None:
        yield (Span("no engine has answered yet", Role.DOUBT),)
        return
    engine = topology.engine
    running = sum(container.running for container in topology.containers)
    facts = [
        f"{clean(engine.product)} {clean(engine.version)}",
        counted(running, "container"),
        counted(len(_networks(topology)), "network"),
    ]
    if snapshot.cycle is not None:
        facts.append(f"{moment(snapshot.cycle.started)}")
        facts.append(f"{snapshot.cycle.duration_s:.1f} s")
    yield from flowed(facts, page.width, between=f" {page.glyphs.between} ")


def _networks(topology: Topology) -> list[Network]:
    """Return the networks that containers have endpoints on."""
    return [one for one in topology.networks if one.driver not in ("host", "null")]


def _grids(
    snapshot: Snapshot, page: Page
) -> Iterator[tuple[Grid | None, list[IpVersion]]]:
    """Yield one grid a family, or one for both where they look the same."""
    found: list[tuple[Grid | None, list[IpVersion]]] = []
    for version in families(snapshot):
        if not container_count(snapshot, version):
            continue
        grid = _fitting_grid(snapshot, version, page)
        if found and grid is not None and found[-1][0] == grid:
            found[-1][1].append(version)
        else:
            found.append((grid, [version]))
    yield from found


def _fitting_grid(snapshot: Snapshot, version: IpVersion, page: Page) -> Grid | None:
    if container_count(snapshot, version) < page.width:
        grid = container_grid(snapshot, version)
        if best_layout(grid, page, counts=False) is not None:
            return grid
    grid = network_grid(snapshot, version)
    return grid if best_layout(grid, page, counts=False) is not None else None


def _matrix(
    grid: Grid | None, versions: list[IpVersion], snapshot: Snapshot, page: Page
) -> Iterator[Line]:
    family = " and ".join(f"IPv{version}" for version in versions)
    if grid is None:
        yield (Span(f"{family}: too many networks for a matrix of this width"),)
        return
    how = ", alike" if len(versions) > 1 else ""
    how += " by network" if grid.by_network else ""
    yield (
        Span(f"{family}{how}", Role.HEADING),
        Span(": from each row to each column", Role.QUIET),
    )
    layout = best_layout(grid, page, counts=grid.by_network) or best_layout(
        grid, page, counts=False
    )
    if layout is not None:
        yield from drawn(grid, layout, page)


def _totals(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield how many pairs of each scope carry each mark, and what marks mean."""
    rows: dict[tuple[Scope, IpVersion], Counter[Mark]] = {}
    for state in snapshot.pairs:
        key = (state.pair.scope, state.pair.ip_version)
        rows.setdefault(key, Counter())[mark_of(state)] += 1
    present = [mark for mark in Mark if any(mark in row for row in rows.values())]
    labels = {key: _scope_label(*key, page.glyphs) for key in rows}
    label_width = max(map(width_of, labels.values()), default=0)
    widths = {
        mark: max(len(f"{row[mark]:,}") for row in rows.values()) for mark in present
    }
    for key in sorted(rows, key=lambda key: (list(Scope).index(key[0]), key[1])):
        spans = [Span(pad(labels[key], label_width))]
        for mark in present:
            count = rows[key][mark]
            spans.append(Span("  "))
            text = f"{mark.glyph(page.glyphs)} {count:>{widths[mark]},}"
            spans.append(Span(text if count else " " * len(text), mark.role))
        yield tuple(spans)
    legend = [f"{mark.glyph(page.glyphs)} {mark.meaning}" for mark in present]
    yield from flowed(legend, page.width, between="  ", role=Role.QUIET)


def _scope_label(scope: Scope, version: IpVersion, glyphs: Glyphs) -> str:
    words = {
        Scope.CONTAINER: f"container {glyphs.to} container",
        Scope.HOST: f"host {glyphs.to} container",
        Scope.GATEWAY: f"container {glyphs.to} its gateway",
        Scope.NAME: f"container {glyphs.to} name",
    }
    return f"{words[scope]}, IPv{version}"
