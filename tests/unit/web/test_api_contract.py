"""The API against its own description: what it allows, and what it does not.

Requests are made up from docs/openapi.json by schemathesis, in this process.
DOCKERNET_EXAMPLES=1000 makes so many of each kind.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from starlette.types import ASGIApp

from exporter.report.api import event_entry
from exporter.web.api import PREFIX
from exporter.web.stream import Stream
from tests.fakes.answers import KINDS
from tests.fakes.web import Given, Now

EXAMPLES = int(os.environ.get("DOCKERNET_EXAMPLES", "15"))


def application(kind: str) -> ASGIApp:
    """Return the API of a host; its stream ends at once."""
    given = Given(snapshot=KINDS[kind]())
    stream = Stream(lambda: given.snapshot, event_entry, Now(lambda: given.later))
    stream.stop()
    given.stream = stream.answer
    return given.app()


APP = application("eventful")
SCHEMA = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", APP)


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.timeout(60 + EXAMPLES)
def test_answers_are_as_described(case: Case[Any]) -> None:
    """Whatever is asked: status, headers, body, and what is refused."""
    case.call_and_validate()
