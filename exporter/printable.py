r"""Text from elsewhere, made safe to print.

Names reach us from labels that any user of the engine may set. On a terminal, in a
log line or on a page they may carry escape sequences, line breaks or characters that
turn the direction of writing ("Trojan Source", CVE-2021-42574).
"""


def printable(text: str, *, keep: str = "") -> str:
    r"""Return text with every character that does not print written as an escape.

    Args:
        text: anything, lone surrogates included.
        keep: characters to leave as they are, for example a line feed.

    >>> printable("web\x1b[31m\n")
    'web\\x1b[31m\\n'
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
