"""Widths, cuts and wraps of text on a terminal."""

import pytest

from exporter.report.cells import width_of
from exporter.report.page import (
    BLANK,
    Line,
    Role,
    Span,
    fields,
    fit,
    flowed,
    natural,
    pad,
    wrapped,
)
from exporter.report.paint import STYLES, painted


def plain(lines: list[Line]) -> list[str]:
    """Return lines without colours."""
    return list(painted(lines, colour=False))


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        pytest.param("web", 3, "web", id="fits"),
        pytest.param("shop-web-10", 9, "shop…b-10", id="both ends are kept"),
        pytest.param("日本語のなまえ", 7, "日…え", id="wide characters are not halved"),
        pytest.param("abc", 1, "…", id="hardly any room"),
        pytest.param("cafe\u0301-ou\u0301", 5, "ca…ou\u0301", id="marks stay on top"),
        pytest.param("aaaa日\u0301", 3, "a…", id="no mark without its letter"),
    ],
)
def test_fit(text: str, width: int, shown: str) -> None:
    """A name that is too long loses its middle, and never takes more than its room."""
    assert shown == fit(text, width, "…")
    assert width_of(fit(text, width, "…")) <= width


def test_pad_counts_cells() -> None:
    """A wide character takes two cells."""
    assert "日本  " == pad("日本", 6)


def test_natural_order() -> None:
    """Numbers in names count as numbers."""
    names = ["web-10", "web-9", "web", "api-2", "9", "10"]

    assert ["9", "10", "api-2", "web", "web-9", "web-10"] == sorted(names, key=natural)


def test_natural_order_of_odd_digits() -> None:
    """Digits that are no decimal number are letters, not an error."""
    assert ["a٣", "b²"] == sorted(["b²", "a٣"], key=natural)


def test_flow_keeps_items_whole() -> None:
    """A line ends with what separates items, within the width; no item is broken."""
    found = plain(list(flowed(["aaa", "bbb", "ccc"], 8, indent=" ", first="x: ")))

    assert ["x: aaa,", " bbb,", " ccc"] == found


def test_flow_uses_the_whole_width() -> None:
    """The last item needs no room for what separates it from a next one."""
    assert ["aa, bb"] == plain(list(flowed(["aa", "bb"], 6)))
    assert ["aa,", "bb, cc"] == plain(list(flowed(["aa", "bb", "cc"], 6)))


def test_flow_of_nothing() -> None:
    """Without items there is a line only where it begins with something."""
    assert [] == plain(list(flowed([], 10)))
    assert ["x:"] == plain(list(flowed([], 10, first="x: ")))


def test_too_long_a_word_stays_whole() -> None:
    """A word longer than the line is not broken: it may be an address to copy."""
    assert ["a", "longer", "b"] == plain(list(wrapped("a longer b", 3)))


def test_fields_stand_under_each_other() -> None:
    """Texts of fields begin in one column, and go on there."""
    rows = [("who", "one two three"), ("because", "x")]

    assert [
        "  who      one",
        "           two",
        "           three",
        "  because  x",
    ] == plain(list(fields(rows, 17)))


def test_colour_adds_nothing_but_escapes() -> None:
    """Without its escapes a coloured line is the plain one."""
    line = (Span("✗ ", Role.BAD), Span("web", Role.HEADING), Span("  "))

    (coloured,) = painted([line], colour=True)

    assert coloured == "\x1b[1;31m✗ \x1b[0m\x1b[1mweb\x1b[0m  "
    assert ["✗ web"] == plain([line])
    assert [""] == plain([BLANK])


def test_every_role_has_a_style() -> None:
    """No role is forgotten, and all but plain differ."""
    assert set(Role) == set(STYLES)
    assert len(Role) == len({str(style) for style in STYLES.values()})
