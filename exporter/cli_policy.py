"""The commands about the policy."""

from pathlib import Path

import click

from exporter.surroundings import FINE, Surroundings


@click.group("policy")
def policy_group() -> None:
    """Work on the policy of a configuration file."""


@policy_group.command("test")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON, schema 1.")
@click.pass_obj
def policy_test(surroundings: Surroundings, /, *, file: Path, as_json: bool) -> int:
    """Show which pairs of the running engine each entry decides.

    Nothing is probed. An entry that decides none says why.

    Exit status: 0 shown, 2 the file has a problem, 3 no engine answers.
    """
    from exporter.complaints import say_notices
    from exporter.report.policy import policy_text
    from exporter.report.policy_document import policy_document
    from exporter.report.trial import trial_of
    from exporter.session import looks_at

    config = surroundings.load_config(file)
    snapshot = surroundings.load_app().topology(config)
    trial = trial_of(snapshot, frozenset(config.probe.scopes), looks_at(config))
    output = surroundings.output()
    if as_json:
        say_notices(snapshot.notices)
        output.pieces(policy_document(snapshot, trial))
    else:
        output.lines(policy_text(snapshot, trial, output.page))
    return FINE
