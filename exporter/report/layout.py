"""A grid on paper: which of several layouts fits the width, and its lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from exporter.report.cells import width_of
from exporter.report.grid import Cell, Grid
from exporter.report.page import Line, Page, Role, Span, fit, pad

MAX_NAMED = 12
"""Up to so many columns have names for headings, where they fit."""
STEPS = ((4, 2), (3, 2), (2, 2), (2, 1), (1, 1))
"""Widths of a numbered column and of the gap between groups, widest first."""
MIN_LABEL = 10
INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a grid is drawn."""

    label_width: int
    """Of the names of the rows, in cells."""
    widths: tuple[int, ...]
    """Of each column, in cells."""
    gap: int
    """Between groups of columns, in cells."""
    named: bool
    """Columns have names; else the numbers of their rows."""
    counts: bool
    """Cells say for how many pairs they stand."""

    def total_width(self, grid: Grid) -> int:
        """Return the width of a line in cells."""
        lead = len(INDENT) + self.label_width + 1
        if not self.named:
            lead += _digits(grid) + 1
        return lead + sum(self.widths) + self.gap * max(0, len(grid.groups) - 1)


def best_layout(grid: Grid, page: Page, *, counts: bool) -> Layout | None:
    """Return the most readable layout that fits, None if none does."""
    fitting = (
        layout
        for layout in _layouts(grid, page, counts=counts)
        if layout.total_width(grid) <= page.width
    )
    return next(fitting, None)


def _layouts(grid: Grid, page: Page, *, counts: bool) -> Iterator[Layout]:
    keys = grid.keys
    names = [width_of(grid.labels[key]) for key in keys]
    longest = max(names, default=0)
    texts = [_text(cell, page, counts=counts) for cell in grid.cells.values()]
    least = max(map(width_of, texts), default=1)
    if len(keys) <= MAX_NAMED:
        yield Layout(
            label_width=longest,
            widths=tuple(max(width, least) + 2 for width in names),
            gap=1,
            named=True,
            counts=counts,
        )
    for step, gap in STEPS:
        if counts and step == 1:
            break
        layout = Layout(
            label_width=0,
            widths=(least - 1 + step,) * len(keys),
            gap=gap,
            named=False,
            counts=counts,
        )
        room = max(page.width - layout.total_width(grid), page.width // 3, MIN_LABEL)
        yield replace(layout, label_width=min(longest, room))


def _digits(grid: Grid) -> int:
    return len(str(len(grid.keys)))


def drawn(grid: Grid, layout: Layout, page: Page) -> Iterator[Line]:
    """Yield the lines of a grid: headings, then a line for each row."""
    lead = " " * (layout.total_width(grid) - _columns_width(grid, layout))
    for titles in _headings(grid, layout):
        spans = [Span(title, Role.QUIET) for title in titles]
        yield (Span(lead), *_columns(spans, grid, layout))
    number = 0
    for group in grid.groups:
        if group.name:
            yield (Span(fit(group.name, page.width, page.glyphs.cut), Role.HEADING),)
        for row in group.keys:
            number += 1
            cells = [
                _cell(grid.cells.get((row, column)), page, layout)
                for column in grid.keys
            ]
            yield (
                *_label(grid, row, number, layout, page),
                *_columns(cells, grid, layout),
            )


def _columns_width(grid: Grid, layout: Layout) -> int:
    return sum(layout.widths) + layout.gap * max(0, len(grid.groups) - 1)


def _headings(grid: Grid, layout: Layout) -> list[list[str]]:
    """Return the lines above the columns; numbers stand upright where it is tight."""
    if layout.named:
        return [[grid.labels[key] for key in grid.keys]]
    digits = _digits(grid)
    numbers = [str(number) for number in range(1, len(grid.keys) + 1)]
    if min(layout.widths, default=1) > digits:
        return [numbers]
    upright = [number.rjust(digits) for number in numbers]
    return [[number[level] for number in upright] for level in range(digits)]


def _label(
    grid: Grid, row: str, number: int, layout: Layout, page: Page
) -> tuple[Span, Span]:
    name = pad(
        fit(grid.labels[row], layout.label_width, page.glyphs.cut), layout.label_width
    )
    lead = INDENT if layout.named else f"{INDENT}{number:>{_digits(grid)}} "
    return Span(lead, Role.QUIET), Span(name + " ")


def _cell(cell: Cell | None, page: Page, layout: Layout) -> Span:
    if cell is None:
        return Span("")
    return Span(_text(cell, page, counts=layout.counts), cell.mark.role)


def _text(cell: Cell, page: Page, *, counts: bool) -> str:
    glyph = cell.mark.glyph(page.glyphs)
    if not counts:
        return glyph
    of = f"/{cell.total}" if cell.count < cell.total else ""
    return f"{glyph} {cell.count}{of}"


def _columns(texts: Sequence[Span], grid: Grid, layout: Layout) -> Iterator[Span]:
    """Yield one line of columns: centred under names, else to the right."""
    first_of_group = {group.keys[0] for group in grid.groups[1:] if group.keys}
    for key, span, width in zip(grid.keys, texts, layout.widths, strict=True):
        if key in first_of_group:
            yield Span(" " * layout.gap)
        room = width - width_of(span.text)
        after = room // 2 if layout.named else 0
        yield Span(" " * (room - after))
        yield span
        yield Span(" " * after)
