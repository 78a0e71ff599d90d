"""Checks of single values.

A check returns what the setting becomes, or raises `ValueError` with the
rest of a sentence that begins with the setting's name.
"""

import re
from contextlib import suppress
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from exporter.config.units import ListenAddress, listen_address_from

_SCHEMES = ("unix", "tcp", "http", "https", "ssh")
_TEXT_LIMIT = 200
_GLOB_LIMIT = 256
"""Longer than any name; a pattern costs time on every look at the engine."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = "must be text"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError only
    return value


def engine_host(value: object) -> str:
    """Return an engine's address as in DOCKER_HOST."""
    text = _text(value)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in _SCHEMES or not rest or not _is_url(text):
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        message = f"must be an address that begins with one of {known}"
        raise ValueError(message)
    if scheme == "unix" and not rest.startswith("/"):
        message = "must name an absolute path after unix://"
        raise ValueError(message)
    return text


def _is_url(text: str) -> bool:
    """Return whether an address can be taken apart: brackets, port, no blanks."""
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return not re.search(r"\s", text)


def absolute_path(value: object) -> PurePosixPath:
    """Return an absolute path that never goes up."""
    path = PurePosixPath(_text(value))
    if not path.is_absolute() or ".." in path.parts or "\0" in str(path):
        message = "must be an absolute path without '..'"
        raise ValueError(message)
    return path


def glob(value: object) -> str:
    """Return a pattern of names, as in `fnmatch`."""
    text = _text(value)
    if not text:
        message = "must not be empty"
        raise ValueError(message)
    return _shown(text, _GLOB_LIMIT)


def _shown(text: str, limit: int) -> str:
    """Return a text that people will see; it is short and all of it prints.

    An escape sequence would act on their terminal, a lone surrogate of YAML ends
    every answer that is to be UTF-8.
    """
    if len(text) > limit:
        message = f"must not be longer than {limit} characters"
        raise ValueError(message)
    if not text.isprintable():
        message = "must not hold characters that do not print"
        raise ValueError(message)
    return text


def closed_glob(value: object) -> str:
    """Return a pattern of names in which every bracket is closed.

    `fnmatch` takes an open one for the character itself, which no name has.
    """
    text = glob(value)
    rest = text
    while "[" in rest:
        rest = rest.partition("[")[2]
        # A bracket that comes first, or after the negation, is one of the characters.
        end = rest.find("]", 2 if rest.startswith("!") else 1)
        if end < 0:
            message = "must not leave a [ open (the character itself is [[])"
            raise ValueError(message)
        rest = rest[end + 1 :]
    return text


def label_glob(value: object) -> str:
    """Return which label a container must have: KEY, or KEY=GLOB."""
    text = _text(value)
    key, separator, pattern = text.partition("=")
    if not key or re.search(r"[*?\[\]]", key):
        message = "must be KEY or KEY=GLOB, without wildcards in KEY"
        raise ValueError(message)
    if separator and pattern:
        closed_glob(pattern)
    return _shown(text, _GLOB_LIMIT)


def family(value: object) -> object:
    """Return an address family, which is a number and nothing like it."""
    if type(value) is int and value in (4, 6):
        return value
    message = "must be 4 or 6"
    raise ValueError(message)


def day(value: object) -> date:
    """Return a day of the calendar."""
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(text)
    message = "must be a date such as 2026-12-31"
    raise ValueError(message)


def one_line(value: object) -> str:
    """Return a text of at most 200 characters, with its line ends as blanks."""
    return _shown(" ".join(_text(value).split()), _TEXT_LIMIT)


def listen_address(value: object) -> ListenAddress:
    """Return an address to listen on."""
    return (
        value if isinstance(value, ListenAddress) else listen_address_from(_text(value))
    )


def host_name(value: object) -> str:
    """Return a name by which we may be called, in lower case."""
    text = _text(value).lower()
    label = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
    if not re.fullmatch(rf"(\*\.)?{label}(\.{label})*\.?", text, re.ASCII):
        message = "must be a host name, or *. and one, without a port"
        raise ValueError(message)
    return text.rstrip(".")


def file_mode(value: object) -> str:
    """Return permissions as chmod takes them, of reading and writing only."""
    text = _text(value)
    if not re.fullmatch(r"0?[0246]{3}", text):
        message = 'must be permissions such as "0660", in quotes'
        raise ValueError(message)
    return text


def telemetry_path(value: object) -> str:
    """Return a path of the metrics that collides with none of ours."""
    text = _text(value)
    if not re.fullmatch(r"(/\w[\w.~-]*)+", text, re.ASCII):
        message = "must be a path such as /metrics, of letters, digits and ._~-"
        raise ValueError(message)
    if f"{text}/".startswith("/static/"):
        message = "must not be /static, where the page's style is"
        raise ValueError(message)
    return text


def log_level(value: object) -> object:
    """Return a level; `warn`, as other exporters write it, is `warning`."""
    return "warning" if value == "warn" else value


def distinct(value: object) -> object:
    """Return a list unchanged unless it says something twice."""
    if isinstance(value, (list, tuple)):
        seen: set[str] = set()
        for item in value:
            if repr(item) in seen:
                message = f"must not name {str(item)!r} twice"
                raise ValueError(message)
            seen.add(repr(item))
    return value
