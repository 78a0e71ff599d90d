"""What is decided of a pair without looking at it by itself."""

import pytest

from exporter.model.outcome import Expected, Result, Verdict
from exporter.model.pair import Controls, Decision
from exporter.model.verdict import settled

ALIVE = Controls(source=True, destination=True)
SILENT = Controls(source=True, destination=None)


def decision(expected: Expected) -> Decision:
    """Return a promise over a router."""
    return Decision(expected=expected, rule="r", source_network=None, on_link=False)


@pytest.mark.parametrize(
    ("expected", "result", "controls", "verdict"),
    [
        pytest.param("unknown", "timeout", ALIVE, "not_judged"),
        pytest.param("unknown", "skipped", ALIVE, "not_judged"),
        pytest.param("isolated", "skipped", ALIVE, "skipped"),
        pytest.param("reachable", "skipped", ALIVE, "skipped"),
        pytest.param("reachable", "ok", ALIVE, "as_expected"),
        pytest.param("reachable", "timeout", ALIVE, None),
        pytest.param("reachable", "netns_error", ALIVE, None),
        pytest.param("isolated", "timeout", ALIVE, "as_expected"),
        pytest.param("isolated", "timeout", SILENT, None),
        pytest.param("isolated", "prohibited", ALIVE, "as_expected"),
        pytest.param("isolated", "no_route", ALIVE, None),
        pytest.param("isolated", "ok", ALIVE, None),
        pytest.param("isolated", "netns_error", ALIVE, None),
    ],
)
def test_only_what_is_beyond_doubt_is_settled(
    expected: str, result: str, controls: Controls, verdict: str | None
) -> None:
    """Whatever else is for `judge`, pair by pair."""
    found = settled(decision(Expected(expected)), Result(result), controls)

    assert found == (None if verdict is None else Verdict(verdict))
