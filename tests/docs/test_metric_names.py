"""Every metric that a document names exists."""

import re
from pathlib import Path

import pytest

from tests.lab.promql import exported

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_NAME = re.compile(r"\bdockernet_[a-z0-9_]+(?![a-z0-9_*])")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_metrics_exist(document: Path) -> None:
    """Whether alone or within an expression."""
    named = set(_NAME.findall(document.read_text()))
    families = {family.full_name for family in exported().values()}

    assert named <= exported().keys() | families
