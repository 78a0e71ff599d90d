"""What a command says on standard error, and the exit status that goes with it.

One line for each problem, ending with the remedy; never a traceback.
"""

from collections.abc import Iterable

import click
from click.exceptions import NoArgsIsHelpError

from exporter.errors import ConfigError, ExporterError, ListenError, UnknownName
from exporter.printable import printable

USAGE, UNMEASURED = 2, 3
"""Exit statuses, as in `exporter.report.summary.Status`."""
_USAGE_ERRORS = (ConfigError, ListenError, UnknownName)


def say(text: str) -> None:
    """Write a line to standard error."""
    click.echo(text, err=True)


def say_notices(notices: Iterable[str]) -> None:
    """Say what does not work here, beside a result that is read by a program."""
    for notice in notices:
        say(f"note: {printable(notice)}")


def say_usage(error: click.ClickException) -> int:
    """Say in one line what is wrong with the command line, or show its help."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, NoArgsIsHelpError):
        say(error.format_message())
    elif context is None:
        say(f"error: {printable(error.format_message())}")
    else:
        text = printable(error.format_message().rstrip("."))
        say(f"error: {text}; see {context.command_path} --help")
    return USAGE


def say_error(error: Exception) -> int:
    """Say in one line what went wrong, a line a problem, and return the exit status."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # a task group wraps what ended it
    if isinstance(error, ExporterError):
        for line in str(error).splitlines():
            say(f"error: {printable(line)}")
        return USAGE if isinstance(error, _USAGE_ERRORS) else UNMEASURED
    what = printable(f"{type(error).__name__}: {error}")
    say(f"error: unexpected {what}; DOCKERNET_DEBUG=1 shows where, please report it")
    return UNMEASURED
