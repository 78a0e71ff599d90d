"""The API's own description: OpenAPI 3.1, made from what the API is made of.

Written down by `python -m exporter.report.api > docs/openapi.json`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from exporter.model.outcome import Verdict
from exporter.report.api import schemas, schemas_topology
from exporter.report.api.query import TEXT_MOST, Parameter
from exporter.report.api.resources import RESOURCES, Resource
from exporter.report.api.schemas import (
    COUNT,
    FLAG,
    PAGE,
    SECONDS,
    Schema,
    many,
    maybe,
    ref,
    thing,
)
from exporter.report.pairs import Json

_PREFIX: Final = "/api/v1"
COMPONENTS: Final[Mapping[str, Schema]] = {
    "Summary": schemas.SUMMARY,
    "Matrix": schemas.MATRIX,
    "ContainerMatrix": schemas.CONTAINER_MATRIX,
    "Topology": schemas_topology.TOPOLOGY,
    "Network": schemas_topology.NETWORK,
    "Networks": thing({**PAGE, "networks": many(ref("Network"))}),
    "Container": schemas_topology.CONTAINER,
    "Containers": thing({**PAGE, "containers": many(ref("Container"))}),
    "Interface": schemas_topology.INTERFACE,
    "Subnet": schemas_topology.SUBNET,
    "Subnets": thing({**PAGE, "subnets": many(ref("Subnet"))}),
    "PairEntry": thing(schemas.ENTRY, schemas.PAIR_OPTIONAL),
    "Pairs": thing({**PAGE, "pairs": many(ref("PairEntry"))}),
    "Pair": schemas.PAIR_DETAIL,
    "Event": schemas.EVENT,
    "Events": thing({**PAGE, "events": many(ref("Event"))}),
    "Outage": schemas.OUTAGE,
    "Outages": thing(
        {
            **PAGE,
            "outages": many(ref("Outage")),
            "lasting": COUNT,
            "not_kept": COUNT,
        }
    ),
    "StreamedSnapshot": thing(
        {
            "taken": SECONDS,
            "engine_up": FLAG,
            "summary": thing({str(verdict): COUNT for verdict in Verdict}),
            "headline": schemas.HEADLINE,
        },
        text="The data of a message `snapshot`; that of `verdict` is an Event.",
    ),
    "StreamedMissed": thing(
        {"events": maybe(COUNT)},
        text="The data of a message `missed`: so many changes are not told; null where "
        "nobody knows.",
    ),
    "Problem": schemas.PROBLEM,
}
_HEAD: Final = (
    "What the newest snapshot says, in the words of `check --json`: no request asks "
    "the engine or sends a packet. Keys are only ever added. HEAD is answered as GET "
    "is, without a body."
)


@cache
def description() -> Json:
    """Return the OpenAPI document."""
    paths = {name: _get(resource) for name, resource in RESOURCES.items()}
    paths["pairs/{id}"] = _operation(
        "One pair with everything known of it.",
        "Pair",
        [_path_parameter("id", schemas.PAIR_ID)],
        missing=True,
    )
    paths["stream"] = _stream()
    paths["openapi.json"] = _operation("This document.", None, [])
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "dockernet-exporter",
            "version": "1",
            "summary": "Who reaches whom on a Docker host, against what is promised.",
            "description": _HEAD,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": _PREFIX}],
        "paths": {f"/{name}": {"get": found} for name, found in sorted(paths.items())},
        "components": {
            "schemas": COMPONENTS,
            "headers": _headers(),
            "responses": _responses(),
        },
    }


def _get(resource: Resource) -> Json:
    given = [_query_parameter(one) for one in resource.parameters]
    return _operation(resource.text, resource.schema, given, missing=resource.may_lack)


def _operation(
    text: str, schema: str | None, parameters: list[Json], *, missing: bool = False
) -> Json:
    found: Schema = {"type": "object"} if schema is None else ref(schema)
    return {
        "summary": text,
        "parameters": [*parameters, _header("If-None-Match", "Tags it has, or `*`.")],
        "responses": {
            "200": {
                "description": text,
                "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                "content": {"application/json": {"schema": found}},
            },
            "304": {"$ref": "#/components/responses/Unchanged"},
            "400": {"$ref": "#/components/responses/Wrong"},
            **({"404": {"$ref": "#/components/responses/Missing"}} if missing else {}),
        },
    }


def _stream() -> Json:
    return {
        "summary": "Changes as they happen, as server-sent events.",
        "description": "Messages `verdict`, `snapshot`, `missed`, with JSON as data.",
        "parameters": [_header("Last-Event-ID", "The newest message that it has.")],
        "responses": {
            "200": {
                "description": "A stream that does not end.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": {"$ref": "#/components/responses/Wrong"},
            "503": {"$ref": "#/components/responses/Busy"},
        },
    }


def _query_parameter(parameter: Parameter) -> Json:
    found: dict[str, object] = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.text,
        "required": parameter.required,
    }
    if parameter.most is not None:
        found["schema"] = {
            "type": "integer",
            "minimum": 0,
            "maximum": parameter.most,
            "default": parameter.default,
        }
    elif parameter.values:
        word = {"type": "string", "enum": list(map(str, parameter.values))}
        found["schema"] = {
            "type": "array",
            "items": word,
            "minItems": 1,
            "uniqueItems": True,
        }
        found |= {"style": "form", "explode": False}
    else:
        found["schema"] = {"type": "string", "maxLength": TEXT_MOST}
    return found


def _path_parameter(name: str, schema: Schema) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header(name: str, text: str) -> Json:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "description": text, "schema": schema}


def _headers() -> Json:
    tag = "Of this address and this snapshot; weak."
    return {"ETag": {"description": tag, "schema": {"type": "string"}}}


def _responses() -> Json:
    headers = {"ETag": {"$ref": "#/components/headers/ETag"}}
    return {
        "Unchanged": {"description": "It has it already.", "headers": headers},
        "Wrong": _problem("A parameter is not known, or its value is not allowed."),
        "Missing": _problem("There is no such thing."),
        "Busy": _problem("Too many streams are open."),
    }


def _problem(text: str) -> Json:
    return {
        "description": text,
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
