"""The paper that texts are written on: glyphs, spans with roles, widths.

A line is a tuple of spans; a span is text with the role it plays. Widths are in
cells of a terminal, where a CJK character takes two.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from exporter.printable import printable
from exporter.report.cells import beginning, ending, width_of

MIN_WIDTH = 40


class Role(Enum):
    """What a span is for; `paint` gives each a colour."""

    PLAIN = "plain"
    HEADING = "heading"
    QUIET = "quiet"
    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"


class Span(NamedTuple):
    """Text with a role."""

    text: str
    role: Role = Role.PLAIN


Line = tuple[Span, ...]
BLANK: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters that an ASCII terminal cannot show, and what replaces them."""

    reachable: str
    isolated: str
    leaking: str
    broken: str
    unverified: str
    not_probed: str
    to: str
    between: str
    """Separates facts on one line."""
    cut: str
    """Stands for the rest of a name."""
    micro: str


UNICODE = Glyphs(
    reachable="✓",
    isolated="·",
    leaking="!",
    broken="✗",
    unverified="?",
    not_probed="-",
    to="→",
    between="·",
    cut="…",
    micro="µ",
)
ASCII = Glyphs(
    reachable="+",
    isolated=".",
    leaking="!",
    broken="x",
    unverified="?",
    not_probed="-",
    to="->",
    between="|",
    cut="~",
    micro="u",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """How wide a text may be, in cells, and with which glyphs."""

    width: int = 100
    glyphs: Glyphs = UNICODE


def pad(text: str, width: int) -> str:
    """Return text filled with spaces up to a width; longer text stays as it is."""
    return text + " " * (width - width_of(text))


def fit(text: str, width: int, cut: str) -> str:
    """Return text that takes at most a width, its middle replaced where it must be.

    Names of one project begin alike and end with a number, so both ends are kept.
    """
    if width_of(text) <= width:
        return text
    room = max(0, width - width_of(cut))
    tail = room // 2
    head, end = beginning(text, room - tail), ending(text, tail)
    return f"{head.rstrip()}{cut}{end.lstrip()}"


def natural(text: str) -> tuple[tuple[str, int], ...]:
    """Return a key that sorts `web-9` before `web-10`."""
    found = re.findall(r"(\D*)([0-9]*)", text)
    return tuple((letters, int(digits or -1)) for letters, digits in found)


def clean(text: str) -> str:
    """Return a name as it may be printed."""
    return printable(text)


def wrapped(
    text: str, width: int, *, indent: str = "", role: Role = Role.PLAIN
) -> Iterator[Line]:
    """Yield lines of words, each no wider than asked where a word allows it."""
    yield from flowed(text.split(), width, indent=indent, between=" ", role=role)


def flowed(
    items: Iterable[str],
    width: int,
    *,
    indent: str = "",
    first: str | None = None,
    between: str = ", ",
    role: Role = Role.PLAIN,
) -> Iterator[Line]:
    """Yield items one after the other, broken into lines between items.

    Args:
        items: texts that stay whole.
        width: of a line, in cells.
        indent: of every line but the first.
        first: what the first line begins with; None for the indent.
        between: what separates two items; its end is left off at a line's end.
        role: of all the text.
    """
    line = indent if first is None else first
    tail = width_of(between.rstrip())  # what a broken line ends with
    empty = True
    texts = list(items)
    for number, item in enumerate(texts, start=1):
        room = width if number == len(texts) else width - tail
        joined = item if empty else between + item
        if not empty and width_of(line) + width_of(joined) > room:
            yield (Span(line + between.rstrip(), role),)
            line, joined = indent, item
        line += joined
        empty = False
    if not empty or first:
        yield (Span(line.rstrip(), role),)


def fields(
    rows: Iterable[tuple[str, str]], width: int, *, indent: str = "  "
) -> Iterator[Line]:
    """Yield `name  text` rows with their texts under each other, wrapped."""
    found = list(rows)
    column = max((width_of(name) for name, _ in found), default=0) + 2
    for name, text in found:
        head = indent + pad(name, column)
        lines = wrapped(text, width - width_of(head))
        for number, line in enumerate(lines):
            lead = head if number == 0 else " " * width_of(head)
            yield (Span(lead, Role.QUIET), *line)
