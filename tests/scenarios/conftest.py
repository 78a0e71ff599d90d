"""The order of the scenarios: those that need an engine of their own come together."""

from itertools import groupby

import pytest

from tests.scenarios.scenario import Scenario


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs particular flags behind all others of the same engine.

    Otherwise every one of them, strewn among the others, costs two starts of an engine.
    """
    items[:] = [
        item
        for _, group in groupby(items, key=_suite)
        for item in sorted(group, key=_started_with)
    ]


def _suite(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return callspec and callspec.params.get("engine_suite")


def _started_with(item: pytest.Item) -> tuple[object, ...]:
    """Return what its engine must be started with; the sort keeps equals in order."""
    callspec = getattr(item, "callspec", None)
    scenario = callspec and callspec.params.get("scenario")
    return scenario.engine if isinstance(scenario, Scenario) else ((), ())
