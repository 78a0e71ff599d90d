"""The log: structlog and the standard library's logging, configured in one place.

Nothing else configures logging. Both kinds of records go through the same processors
to standard error, one line each: `ts` (UTC), `level`, `msg` (for our own events a
constant `noun.past_participle`), `logger`, and what the event carries.

Names of containers come from whoever may start one, so no value can break a line,
move the terminal's cursor, or look like a field of its own.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from exporter.printable import printable

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "logfmt", "json", "console"]

_LIBRARY_LEVELS = {
    "apscheduler": logging.ERROR,  # skipped cycles are counted and told by ourselves
    "asyncio": logging.WARNING,
    "docker": logging.WARNING,
    "urllib3": logging.WARNING,
    "uvicorn": logging.ERROR,  # anybody who connects could fill the log with warnings
}
_FIRST_KEYS = ("ts", "level", "msg", "logger")
_TRACEBACK_KEYS = frozenset({"exception", "stack"})


def configure(level: Level, style: Format, stream: TextIO | None = None) -> None:
    """Configure all logging of this process; may be called again, after a reload.

    Args:
        level: the least that is logged. Libraries stay quieter, except at debug.
        style: the format; `auto` is console on a terminal, else logfmt.
        stream: where to write, standard error by default.
    """
    target = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *_common_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # so that a reload reaches every logger
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(style, target))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, least in _LIBRARY_LEVELS.items():
        quiet = logging.NOTSET if number == logging.DEBUG else max(least, number)
        logging.getLogger(name).setLevel(quiet)
    logging.captureWarnings(capture=True)


def _common_processors() -> list[structlog.typing.Processor]:
    """Return what both kinds of records go through first."""
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]


def _formatter(style: Format, target: TextIO) -> logging.Formatter:
    terminal = target.isatty()
    chosen = ("console" if terminal else "logfmt") if style == "auto" else style
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_common_processors(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            *_renderers(chosen, colours=terminal and not os.environ.get("NO_COLOR")),
        ],
    )


def _renderers(style: str, *, colours: bool) -> list[structlog.typing.Processor]:
    if style == "json":
        return [_in_order, structlog.processors.JSONRenderer(default=str)]
    if style == "console":
        return [
            _printable_on_terminal,
            structlog.dev.ConsoleRenderer(
                colors=colours,
                event_key="msg",
                timestamp_key="ts",
                pad_event_to=20,
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    return [
        _printable_in_line,
        structlog.processors.LogfmtRenderer(
            key_order=_FIRST_KEYS, drop_missing=True, bool_as_flag=False
        ),
    ]


def _in_order(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put what every line has in front."""
    rest = [key for key in event if key not in _FIRST_KEYS]
    return {key: event[key] for key in (*_FIRST_KEYS, *rest) if key in event}


def _printable_in_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write values as text that prints; logfmt itself escapes line feeds."""
    return {
        key: value if _is_plain(value) else printable(str(value), keep="\n")
        for key, value in event.items()
    }


def _printable_on_terminal(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write values as text that prints; only a traceback has lines."""
    return {
        key: value
        if _is_plain(value)
        else printable(str(value), keep="\n\t" if key in _TRACEBACK_KEYS else "")
        for key, value in event.items()
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float))
