"""A YAML file as plain values, with the line of everything in it.

The parser is loaded with the first file (`exporter.config.nodes`): it takes 2 MB, and
many need no file.
"""

from dataclasses import dataclass, field
from pathlib import Path

from exporter.files import open_binary

KeyPath = tuple[str | int, ...]

_SIZE_LIMIT_BYTES = 1 << 20


@dataclass(slots=True)
class Document:
    """What a file holds."""

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Line of each key or item, from 1."""
    problems: list[tuple[int | None, KeyPath, str]] = field(default_factory=list)
    """Line, path and text."""

    def line_of(self, path: KeyPath) -> int | None:
        """Return the line of a path, or of the nearest thing that holds it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read(path: Path) -> Document:
    """Return a file's content; whatever is wrong with it is in `problems`."""
    document = Document()
    try:
        with open_binary(path) as file:
            data = file.read(_SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        document.problems.append((None, (), f"cannot be read: {error.strerror}"))
        return document
    if len(data) > _SIZE_LIMIT_BYTES:
        document.problems.append((None, (), "is larger than 1 MiB"))
        return document
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        document.problems.append((line, (), "is not UTF-8"))
        return document
    from exporter.config.nodes import parse

    parse(text, document)
    return document
