"""The commands about the policy."""

from pathlib import Path

import click

from exporter import helps
from exporter.surroundings import FINE, Surroundings


@click.group("policy", help=helps.POLICY)
def policy_group() -> None:
    """Hold the commands about the policy."""


@policy_group.command("test", help=helps.POLICY_TEST)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON, schema 1.")
@click.pass_obj
def policy_test(surroundings: Surroundings, /, *, file: Path, as_json: bool) -> int:
    """Print what each entry of a policy comes to."""
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
