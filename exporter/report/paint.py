"""From lines with roles to text, with colours or without.

Colour never says anything alone: every role has a symbol or a word beside it.
"""

from collections.abc import Iterable, Iterator, Mapping

from exporter.report.page import Line, Role, Span

_RESET = "\x1b[0m"
STYLES: Mapping[Role, str] = {
    Role.PLAIN: "",
    Role.HEADING: "1",
    Role.QUIET: "2",
    Role.GOOD: "32",
    Role.BAD: "1;31",
    Role.DOUBT: "33",
}
"""Parameters of SGR (ECMA-48, 8.3.117): 1 bold, 2 faint, then red, green, yellow."""


def painted(lines: Iterable[Line], *, colour: bool) -> Iterator[str]:
    """Yield each line as text, without trailing spaces and without a line end."""
    for line in lines:
        if colour:
            yield "".join(_painted(span) for span in line)
        else:
            yield "".join(span.text for span in line).rstrip()


def _painted(span: Span) -> str:
    style = STYLES[span.role]
    if not style or not span.text.strip():
        return span.text
    return f"\x1b[{style}m{span.text}{_RESET}"
