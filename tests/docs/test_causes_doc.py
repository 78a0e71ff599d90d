"""docs/causes.md lists every cause as the code has it, and every tested fault."""

from pathlib import Path

from exporter.model.cause import CAUSE_TEXTS, CauseId
from tests.engine.cause_table import TABLE

DOC = Path(__file__).parents[2] / "docs" / "causes.md"


def inside(marker: str) -> list[str]:
    """Return the rows of a table between two markers."""
    text = DOC.read_text(encoding="utf-8")
    between = text.partition(f"<!-- {marker} -->")[2].partition(f"<!-- /{marker} -->")[
        0
    ]
    return between.strip().splitlines()[2:]


def test_causes_are_listed_in_order_as_they_are() -> None:
    """Id, sentence, proof, what is needed and what to do are the code's."""
    rows = [
        f"| `{cause}` | {text.sentence} | {text.proof} | {text.needs} | {text.remedy} |"
        for cause, text in CAUSE_TEXTS.items()
    ]

    assert rows == inside("causes")


def test_every_cause_has_a_text() -> None:
    """None is named that nobody explains."""
    assert set(CauseId) == set(CAUSE_TEXTS)


def test_faults_are_listed_as_they_are_tested() -> None:
    """The table of faults is the one that the tests on real engines go by."""
    rows = [f"| {row.what} | `{row.cause}` | {row.engines} |" for row in TABLE]

    assert rows == inside("faults")
