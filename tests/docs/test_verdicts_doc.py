"""docs/verdicts.md lists every rule as the code has it."""

from pathlib import Path

from exporter.model.expectation import RULES

DOC = Path(__file__).parents[2] / "docs" / "verdicts.md"


def test_rules_are_listed_in_order_as_they_are() -> None:
    """The table of rules is the code's."""
    rows = [f"| `{r.id}` | {r.expected} | {r.sentence} |" for r in RULES.values()]
    text = DOC.read_text(encoding="utf-8")
    inside = text.partition("<!-- rules -->")[2].partition("<!-- /rules -->")[0]

    assert rows == inside.strip().splitlines()[2:]
