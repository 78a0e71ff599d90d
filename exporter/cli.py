"""The commands of a person at a terminal, and their exit statuses. No logic.

What a command needs is imported when it runs: `--help` takes a fraction of a second.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import click

from exporter import __version__, helps
from exporter.cli_policy import policy_group
from exporter.complaints import say, say_error, say_notices, say_usage
from exporter.printable import printable
from exporter.surroundings import FINE, App, Surroundings

INTERRUPTED = 130
"""The shell's own exit status for a command that SIGINT ended (128 + 2)."""
UNWELL = 1
"""What Docker takes for unhealthy."""
STDOUT = Path("-")
# click would ask access(2), which knows nothing of the capability by which the service
# reads root's files. Who opens it says what is wrong.
_READ = click.Path(readable=False, path_type=Path)


def main(
    arguments: list[str] | None = None,
    *,
    app: App | None = None,
    environment: Mapping[str, str] | None = None,
) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: instead of the process's own.
        app: who does the work, instead of `exporter.app`.
        environment: instead of the process's own.

    Raises:
        SystemExit: always, with the exit status of docs/check.md.
    """
    surroundings = Surroundings(os.environ if environment is None else environment, app)
    try:
        status = cli.main(
            arguments,
            prog_name="dockernet-exporter",
            standalone_mode=False,
            obj=surroundings,
        )
    except click.ClickException as error:
        status = say_usage(error)
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except BrokenPipeError:
        from exporter.terminal import drop_output

        drop_output()
        status = FINE
    except Exception as error:
        if surroundings.environment.get("DOCKERNET_DEBUG") == "1":
            raise
        status = say_error(error)
    sys.exit(status)


class Seconds(click.ParamType[float]):
    """A duration as in the configuration file: 500ms, 2s, or a number of seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds, within the bounds of `probe.timeout`."""
        from exporter.config.units import seconds_from

        try:
            seconds = seconds_from(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0.05 <= seconds <= 60:
            self.fail("must be from 50ms to 1m", param, ctx)
        return seconds


def _writable(
    _context: click.Context, _parameter: click.Parameter, path: Path | None
) -> Path | None:
    """Refuse a file that cannot be written before anything is measured."""
    if path not in (None, STDOUT) and not os.access(path.parent, os.W_OK):
        message = (
            f"{str(path)!r} cannot be written: its folder is not there or not ours"
        )
        raise click.BadParameter(message)
    return path


_config_file = click.option(
    "--config.file",
    "config_file",
    type=_READ,
    metavar="FILE",
    help="Settings, YAML; every setting has a default.",
)
_json = click.option("--json", "as_json", is_flag=True, help="JSON, schema 1.")
_network = click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="NAME",
    help="Only pairs with an end on this network; repeatable.",
)


@click.group(help=helps.ALL, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dockernet-exporter")
def cli() -> None:
    """Hold the commands."""


@cli.command(help=helps.RUN)
@_config_file
@click.option(
    "--web.listen-address",
    "listen_addresses",
    multiple=True,
    metavar="ADDRESS",
    help="HOST:PORT or unix:PATH; repeatable. Default 127.0.0.1:10042.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=_READ,
    metavar="FILE",
    help="TLS, client certificates, passwords; as other exporters of Prometheus.",
)
@click.option(
    "--web.telemetry-path",
    "telemetry_path",
    metavar="PATH",
    help="Where the metrics are. Default /metrics.",
)
@click.option(
    "--web.enable-lifecycle",
    "enable_lifecycle",
    is_flag=True,
    default=None,
    help="Let POST /-/reload reload the configuration.",
)
@click.option(
    "--log.level",
    "log_level",
    metavar="LEVEL",
    help="debug, info, warning, error. Default info.",
)
@click.option(
    "--log.format",
    "log_format",
    metavar="FORMAT",
    help="auto, logfmt, json, console. Default auto.",
)
@click.pass_obj
def run(
    surroundings: Surroundings,
    /,
    *,
    config_file: Path | None,
    web_config_file: Path | None,
    **options: object,
) -> int:
    """Run the daemon until it is told to stop."""
    surroundings.hold_hangups()
    from exporter.config import load

    overrides = {
        "web.config_file": web_config_file
        and os.path.normpath(web_config_file.absolute()),
        "web.listen_addresses": options["listen_addresses"] or None,
        "web.telemetry_path": options["telemetry_path"],
        "web.enable_lifecycle": options["enable_lifecycle"],
        "log.level": options["log_level"],
        "log.format": options["log_format"],
    }
    reload = partial(load, config_file, surroundings.environment, overrides)
    return surroundings.load_app().run(reload(), reload)


@cli.command(help=helps.CHECK)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every pair, also in large networks; may take minutes, and says so.",
)
@_json
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
    callback=_writable,
    metavar="FILE",
    help="JUnit XML into a file beside the matrix; - for standard output instead.",
)
@_network
@click.option(
    "--timeout",
    "timeout_s",
    type=Seconds(),
    metavar="S",
    help="How long a reply is waited for. Default 1s.",
)
@_config_file
@click.pass_obj
def check(
    surroundings: Surroundings,
    /,
    *,
    everything: bool,
    as_json: bool,
    junit_file: Path | None,
    networks: tuple[str, ...],
    timeout_s: float | None,
    config_file: Path | None,
) -> int:
    """Run one cycle and print what it found."""
    from exporter.report.document import document
    from exporter.report.junit import junit
    from exporter.report.matrix import matrix
    from exporter.report.request import CheckRequest
    from exporter.report.summary import status_of
    from exporter.terminal import write_file

    if as_json and junit_file:
        message = "--json and --junit exclude each other"
        raise click.UsageError(message)
    request = CheckRequest(
        everything=everything, networks=networks, timeout_s=timeout_s
    )
    config = surroundings.load_config(config_file)
    snapshot = surroundings.load_app().check(config, request, say)
    output = surroundings.output()
    if as_json or junit_file == STDOUT:
        say_notices(snapshot.notices)
        output.pieces(document(snapshot) if as_json else junit(snapshot))
    else:
        output.lines(matrix(snapshot, output.page))
        if junit_file is not None:
            write_file(junit_file, junit(snapshot))
    return status_of(snapshot)


@cli.command(help=helps.EXPLAIN)
@click.argument("source")
@click.argument("destination")
@_json
@_network
@_config_file
@click.pass_obj
def explain(
    surroundings: Surroundings,
    /,
    *,
    source: str,
    destination: str,
    as_json: bool,
    networks: tuple[str, ...],
    config_file: Path | None,
) -> int:
    """Print a few pairs with all that their verdicts follow from."""
    from exporter.report.explain import explain_document, explain_text
    from exporter.report.names import destination_of, matching, only_of, source_of
    from exporter.report.request import CheckRequest
    from exporter.report.summary import status_of

    config, app = surroundings.load_config(config_file), surroundings.load_app()
    snapshot = app.topology(config)
    ends = source_of(snapshot, source), destination_of(snapshot, destination)
    only = only_of(*ends)
    if only is not None:
        request = CheckRequest(networks=networks, only=only)
        snapshot = app.check(config, request, say)
        ends = source_of(snapshot, source), destination_of(snapshot, destination)
    states = tuple(matching(snapshot.pairs, *ends))
    output = surroundings.output()
    if as_json:
        output.json(explain_document(snapshot, *ends, states))
    else:
        output.lines(explain_text(snapshot, *ends, states, output.page))
    return status_of(replace(snapshot, pairs=states))


@cli.command(help=helps.TOPOLOGY)
@_json
@_config_file
@click.pass_obj
def topology(
    surroundings: Surroundings, /, *, as_json: bool, config_file: Path | None
) -> int:
    """Print what the engine has."""
    from exporter.report.topology import topology_text
    from exporter.report.topology_document import topology_document

    snapshot = surroundings.load_app().topology(surroundings.load_config(config_file))
    output = surroundings.output()
    if as_json:
        say_notices(snapshot.notices)
        output.json(topology_document(snapshot))
    else:
        output.lines(topology_text(snapshot, output.page))
    return FINE


cli.add_command(policy_group)


@cli.command(help=helps.HEALTHCHECK)
def healthcheck() -> int:
    """Print what the daemons of this run folder say of themselves."""
    from exporter.health import ask

    answers = ask()
    for answer in answers:
        click.echo(printable(answer))
    if not answers:
        say("error: no dockernet-exporter run answers here")
    return FINE if answers and set(answers) == {"healthy"} else UNWELL


@cli.group("config", help=helps.CONFIG)
def config_group() -> None:
    """Hold the commands about configuration files."""


@config_group.command("check", help=helps.CONFIG_CHECK)
@click.argument("file", type=_READ)
def config_check(file: Path) -> int:
    """Load a configuration file, which raises what is wrong with it."""
    from exporter.config import load

    load(file, {}, {})
    click.echo(f"{printable(str(file))}: no problem found")
    return FINE
