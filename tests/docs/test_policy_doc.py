"""docs/policy.md tells of every key, and of every field of `policy test --json`."""

import json
import re
from pathlib import Path

from exporter.config.policy import PolicyEntryConfig, SelectorConfig
from exporter.model.policy import Policy
from exporter.report.policy_document import policy_document
from exporter.report.trial import trial_of
from tests.fakes.policies import entry
from tests.fakes.report_samples import snapshot
from tests.fakes.topologies import demo

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()


def first_cells(after: str) -> set[str]:
    """Return the names in the first column of the table that begins with a head."""
    table = PAGE.partition(after)[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", " ".join(cells)))


def test_every_key_is_explained() -> None:
    """Of an entry, and of its two ends."""
    fields = PolicyEntryConfig.model_fields

    assert {field.alias or name for name, field in fields.items()} == first_cells(
        "| key | meaning |"
    )
    assert set(SelectorConfig.model_fields) == first_cells(
        "| key of `from` and `to` | fits |"
    )


def test_every_field_is_documented() -> None:
    """In the order of the document."""
    found = snapshot(demo(), policy=Policy((entry(),)))
    trial = trial_of(found, {"container"}, lambda _: True)  # type: ignore[arg-type]
    value = json.loads("".join(policy_document(found, trial)))
    one = value["entries"][0]
    listed = re.findall(r"^\| `([a-z_\[\].]+)` \| ", PAGE, re.MULTILINE)

    wanted = [*(key for key in value if key != "entries")]
    wanted += [f"entries[].{key}" for key in one]
    assert wanted == listed[listed.index("schema") :]
    row = PAGE.partition("| `entries[].pairs` |")[2].partition("\n")[0]
    assert [] == [key for key in one["pairs"][0] if f"`{key}`" not in row]
