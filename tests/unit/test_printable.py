"""Rules of text from elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("web-1", "web-1", id="a name stays"),
        pytest.param("café 東京", "café 東京", id="letters of any script stay"),
        pytest.param("\x1b[31mred", r"\x1b[31mred", id="terminal escape"),
        pytest.param("a\nb\r", r"a\nb\r", id="line breaks"),
        pytest.param("a\u2028b", r"a\u2028b", id="line separator"),
        pytest.param("\u202egnp", r"\u202egnp", id="right to left override"),
        pytest.param("a\u200bb", r"a\u200bb", id="zero width space"),
        pytest.param("\x9b2J", r"\x9b2J", id="eight bit escape"),
        pytest.param("\udcff", r"\udcff", id="byte that was not UTF-8"),
        pytest.param("\U000e0041", r"\U000e0041", id="tag character"),
    ],
)
def test_what_does_not_print_is_written_out(text: str, expected: str) -> None:
    """Characters that print stay; all others become visible escapes."""
    assert expected == printable(text)


def test_some_may_be_kept() -> None:
    """Whoever can show a line feed keeps it."""
    assert "a\n\\tb" == printable("a\n\tb", keep="\n")


@given(st.text())
def test_result_always_prints(text: str) -> None:
    """Nothing that acts on a terminal is left, and it can be encoded."""
    shown = printable(text)

    assert shown.isprintable()
    assert shown == shown.encode("utf-8").decode("utf-8")
