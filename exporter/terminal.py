"""Standard output and files: how wide, which colours, what a reader that left means."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

import click

from exporter.report.page import ASCII, MIN_WIDTH, UNICODE, Line, Page
from exporter.report.paint import painted

PIPED_WIDTH = 100
"""Columns of a text that goes to no terminal, unless COLUMNS says otherwise."""

_DUMB = frozenset({"dumb", "unknown"})
"""Values of TERM that show no colours."""


def drop_output() -> None:
    """Let nothing more be written to a pipe that nobody reads.

    Python flushes standard output when it exits and would complain then (Python
    documentation of `signal`, note on SIGPIPE).
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def write_file(path: Path, pieces: Iterable[str]) -> None:
    """Write a text file.

    Raises:
        click.ClickException: it cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        message = f"cannot write {str(path)!r} ({error.strerror}); choose another file"
        raise click.ClickException(message) from error


class Output:
    """Standard output: how wide it is, and whether it shows colours."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        """Look at a stream; nothing is written."""
        self._stream = stream
        self._environment = environment

    @property
    def page(self) -> Page:
        """Return the paper that texts are written on here."""
        is_utf8 = self._stream.encoding.lower().replace("-", "") == "utf8"
        # The Linux console's font has no check mark.
        plain = not is_utf8 or self._environment.get("TERM") == "linux"
        width = max(MIN_WIDTH, self._width())
        return Page(width=width, glyphs=ASCII if plain else UNICODE)

    def lines(self, lines: Iterable[Line]) -> None:
        """Write lines, painted where that shows."""
        colour = self._shows_colours()
        self.pieces(f"{line}\n" for line in painted(lines, colour=colour))

    def json(self, value: Mapping[str, object]) -> None:
        """Write a JSON document, indented."""
        self.pieces([json.dumps(value, indent=1), "\n"])

    def pieces(self, pieces: Iterable[str]) -> None:
        """Write pieces of text; a reader that went away is no error.

        Raises:
            click.ClickException: they cannot be written.
        """
        encoding = self._stream.encoding
        try:
            for piece in pieces:
                safe = piece.encode(encoding, "backslashreplace").decode(encoding)
                self._stream.write(safe)
            self._stream.flush()
        except BrokenPipeError:
            drop_output()
        except OSError as error:
            message = f"cannot write to standard output ({error.strerror})"
            raise click.ClickException(message) from error

    def _shows_colours(self) -> bool:
        """Return whether colours are shown, and wanted.

        NO_COLOR and FORCE_COLOR are as no-color.org and force-color.org have them: an
        empty value says nothing.
        """
        said = self._environment.get
        is_terminal = bool(said("FORCE_COLOR")) or self._stream.isatty()
        is_dumb = said("TERM", "").lower() in _DUMB
        return is_terminal and not is_dumb and not said("NO_COLOR")

    def _width(self) -> int:
        columns = self._environment.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return int(columns)
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or PIPED_WIDTH
        except (OSError, ValueError):  # not a terminal, or no file at all
            return PIPED_WIDTH
