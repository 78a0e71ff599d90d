"""From lines with roles to text, with colours or without.

Colour never says anything alone: every role has a symbol or a word beside it.
"""

from collections.abc import Iterable, Iterator, Mapping

from rich.color import ColorSystem
from rich.style import Style

from exporter.report.page import Line, Role, Span

STYLES: Mapping[Role, Style] = {
    Role.PLAIN: Style.null(),
    Role.HEADING: Style(bold=True),
    Role.QUIET: Style(dim=True),
    Role.GOOD: Style(color="green"),
    Role.BAD: Style(color="red", bold=True),
    Role.DOUBT: Style(color="yellow"),
}


def painted(lines: Iterable[Line], *, colour: bool) -> Iterator[str]:
    """Yield each line as text, without trailing spaces and without a line end."""
    for line in lines:
        if colour:
            yield "".join(_painted(span) for span in line)
        else:
            yield "".join(span.text for span in line).rstrip()


def _painted(span: Span) -> str:
    if not span.text.strip():
        return span.text
    return STYLES[span.role].render(span.text, color_system=ColorSystem.STANDARD)
