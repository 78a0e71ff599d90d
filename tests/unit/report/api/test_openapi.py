"""The description of the API is true, complete, and what is written down."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from exporter.errors import QueryError
from exporter.model.snapshot import Snapshot
from exporter.report.api import RESOURCES, answer
from exporter.report.api.ids import pair_id
from exporter.report.api.openapi import description
from tests.fakes.answers import KINDS, paths
from tests.fakes.snapshots import NOW

WRITTEN = Path(__file__).parents[4] / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(description()))


def strict(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema by which keys that it does not name are wrong."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: strict(one) for key, one in schema.items()}
    if "properties" in schema and "type" in schema:
        found["additionalProperties"] = False
    return found


COMPONENTS = {"schemas": strict(DOCUMENT["components"]["schemas"])}


def validator(schema: Mapping[str, object]) -> jsonschema_rs.Validator:
    """Return what tells whether something is as a schema of the document says."""
    whole = {**strict(schema), "components": COMPONENTS}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def schema_of(path: str) -> Mapping[str, object]:
    """Return the schema of what is at a path."""
    name = "pairs/{id}" if path.startswith("pairs/") else path
    got = DOCUMENT["paths"][f"/{name}"]["get"]["responses"]["200"]
    found: Mapping[str, object] = got["content"]["application/json"]["schema"]
    return found


def documents(snapshot: Snapshot) -> Iterator[tuple[str, object]]:
    """Yield every answer about a snapshot, with its path."""
    ids = (pair_id(one.pair) for one in snapshot.pairs[:100])
    for path, parameters in paths(snapshot, ids):
        found = answer(snapshot, path, parameters, NOW)
        assert found is not None, path
        text = json.dumps(found, allow_nan=False)
        # A name may hold half a character; JSON takes it, not every reader does.
        yield path, json.loads(text.replace("\\ud800", "?"))


def test_it_is_what_is_written_down() -> None:
    """`python -m exporter.report.api > docs/openapi.json` writes it."""
    assert json.loads(WRITTEN.read_text()) == DOCUMENT


def test_it_is_a_description() -> None:
    """By the rules of OpenAPI 3.1."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_it_names_every_path_and_no_other() -> None:
    """With every parameter."""
    beside = {"pairs/{id}", "stream", "openapi.json"}
    named = {path.removeprefix("/"): one for path, one in DOCUMENT["paths"].items()}

    assert {*RESOURCES, *beside} == set(named)
    for name, resource in RESOURCES.items():
        given = named[name]["get"]["parameters"]
        assert {one.name for one in resource.parameters} == {
            one["name"] for one in given if one["in"] == "query"
        }
    for name in {*RESOURCES, "openapi.json"}:
        try:
            assert answer(KINDS["small"](), name, {}, NOW) is not None
        except QueryError as error:
            assert "is missing" in str(error)  # noqa: PT017 - some need a parameter


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_as_it_says(kind: str) -> None:
    """And has no key that it does not name."""
    validators: dict[str, jsonschema_rs.Validator] = {}
    for path, found in documents(KINDS[kind]()):
        key = path if path in RESOURCES else "pairs/"
        if key not in validators:
            validators[key] = validator(schema_of(path))
        wrong = [
            f"{path}: {error.message} at {list(error.instance_path)}"
            for error in validators[key].iter_errors(found)
        ]
        assert not wrong, wrong[:5]


def test_every_schema_is_used() -> None:
    """What nothing refers to is not kept."""
    text = json.dumps(DOCUMENT)
    unused = {
        name
        for name in DOCUMENT["components"]["schemas"]
        if f'"#/components/schemas/{name}"' not in text
    }

    assert unused == {"StreamedSnapshot", "StreamedMissed"}


def test_it_is_served() -> None:
    """Beside what it describes."""
    assert answer(KINDS["never up"](), "openapi.json", {}, NOW) == description()
