"""How many cells of a terminal text takes (Unicode Standard Annex 11).

What the terminal's own tables say of joined emoji differs from one to the next; here
each character counts for itself.
"""

from unicodedata import category, east_asian_width

_WIDE = frozenset({"W", "F"})
_ON_TOP = frozenset({"Mn", "Me", "Cf"})
"""Categories that take no cell of their own: marks on the character before."""


def width_of(text: str) -> int:
    """Return the width of text in cells."""
    return len(text) if text.isascii() else sum(map(_width, text))


def beginning(text: str, width: int) -> str:
    """Return as much from the front of text as takes at most a width."""
    used = 0
    for place, character in enumerate(text):
        used += _width(character)
        if used > width:
            return text[:place]
    return text


def ending(text: str, width: int) -> str:
    """Return as much from the end of text as takes at most a width.

    It does not begin with a mark, whose character would be missing.
    """
    used, first = 0, len(text)
    for place in range(len(text) - 1, -1, -1):
        taken = _width(text[place])
        used += taken
        if used > width:
            break
        if taken:
            first = place
    return text[first:]


def _width(character: str) -> int:
    if category(character) in _ON_TOP:
        return 0
    return 2 if east_asian_width(character) in _WIDE else 1
