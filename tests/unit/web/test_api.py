"""The JSON API as a client meets it: documents, problems, conditional requests."""

import json

import httpx2 as httpx
import pytest

from exporter.model.outcome import Result
from exporter.report.api import RESOURCES
from exporter.report.api.query import MOST
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.topologies import demo
from tests.fakes.web import Given, all_fetched, fetched, served

API = "/api/v1"


@pytest.fixture
def given() -> Given:
    """A host that leaked, and leaks no more."""
    watch = Watch(demo())
    fine = watch.answer
    watch.cycle()
    watch.clock.move(INTERVAL_S)
    watch.answer = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
    watch.cycle()
    watch.clock.move(INTERVAL_S)
    watch.answer = fine
    watch.cycle()
    return Given(snapshot=watch.look())


def get(given: Given, path: str) -> httpx.Response:
    """Return the answer to a path below the prefix."""
    return fetched(given.app(), f"{API}/{path}")


def told(given: Given, path: str) -> dict[str, object]:
    """Return the document at a path."""
    response = get(given, path)
    assert (200, "application/json") == (
        response.status_code,
        response.headers["content-type"],
    )
    found: dict[str, object] = response.json()
    return found


def test_the_summary_counts_what_a_check_counts(given: Given) -> None:
    """In the same words."""
    found = told(given, "summary")

    assert found["summary"] == {
        str(verdict): count for verdict, count in given.snapshot.summary.items()
    }
    assert (found["networks"], found["containers"], found["pairs"]) == (2, 5, 20)
    assert found["outages"] == 0


def test_pairs_are_filtered_counted_and_paged(given: Given) -> None:
    """The total is of all that fit, whatever is shown of them."""
    path = "pairs?scope=container&container=bridge1&limit=2&offset=1"
    found = told(given, path)
    pairs = found["pairs"]
    assert isinstance(pairs, list)

    assert (found["total"], found["limit"], found["offset"]) == (6, 2, 1)
    assert len(pairs) == 2
    for pair in pairs:
        assert "bridge1" in (pair["source"], pair["destination"])
        assert pair["scope"] == "container"


def test_a_pair_has_its_history(given: Given) -> None:
    """By the id that lists, events and outages give it; the newest first."""
    (outage,) = json.loads(get(given, "outages").content)["outages"]
    pair = told(given, f"pairs/{outage['pair']}")
    history = pair["history"]
    assert isinstance(history, list)

    assert (pair["source"], pair["destination"]) == ("bridge1", "mybridge1")
    assert [one["verdict"] for one in history] == [
        "as_expected",
        "unexpected_reachable",
    ]
    assert history[1]["controls"] == {"source": True, "destination": True}
    assert outage["duration_seconds"] == INTERVAL_S
    assert outage["ended"] is not None


def test_every_resource_answers_before_there_is_a_topology() -> None:
    """The engine has not answered yet."""
    paths = [
        ("GET", f"{API}/{name}")
        for name, resource in RESOURCES.items()
        if not any(one.required for one in resource.parameters)
    ]

    answers = all_fetched(Given().app(), paths)

    assert len(paths) > 5
    assert [200] * len(paths) == [one.status_code for one in answers]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("pairs?verdict=fine", "verdict is one of as_expected, "),
        ("pairs?limit=-1", "limit is a whole number from 0 to 1000, not '-1'"),
        (f"pairs?limit={MOST + 1}", "limit is at most 1000"),
        ("events?limit=\u0662", "limit is a whole number"),
        ("pairs?colour=red", "no parameter 'colour' here; there are: container, "),
        ("summary?limit=1", "no parameter 'limit' here; there are: none"),
        ("pairs?limit=1&limit=2", "limit is given more than once"),
        ("pairs/0123456789abcdef?x=1", "no parameter 'x' here; there are: none"),
    ],
)
def test_what_is_wrong_is_said(given: Given, path: str, detail: str) -> None:
    """As a problem that a program can read, never as a list without it."""
    response = get(given, path)
    found = response.json()

    assert "application/problem+json" == response.headers["content-type"]
    assert (400, 400, "Bad Request") == (
        response.status_code,
        found["status"],
        found["title"],
    )
    assert detail in found["detail"]


@pytest.mark.parametrize(
    "path", ["", "x", "pairs/", "pairs/0123456789abcdef", "summary/", "../metrics"]
)
def test_where_nothing_is_nothing_is_found(given: Given, path: str) -> None:
    """404, as a problem too."""
    response = get(given, f"{path}")

    assert response.status_code == 404


def test_what_a_client_has_is_not_sent_again(given: Given) -> None:
    """Until there is a new snapshot."""

    async def use(client: httpx.AsyncClient) -> list[tuple[int, int]]:
        first = await client.get(f"{API}/summary")
        has = {"if-none-match": f'"other", {first.headers["etag"]}'}
        second = await client.get(f"{API}/summary", headers=has)
        given.snapshot = Watch(demo()).look()
        third = await client.get(f"{API}/summary", headers=has)
        return [(one.status_code, len(one.content)) for one in (first, second, third)]

    first, second, third = served(given.app(), use)

    assert (200, 304, 200) == (first[0], second[0], third[0])
    assert second[1] == 0


def test_it_may_be_kept_but_must_be_asked_for(given: Given) -> None:
    """And not by pages of others."""
    response = get(given, "topology")

    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers
