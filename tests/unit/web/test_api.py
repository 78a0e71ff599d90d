"""The JSON API as a client meets it: documents, problems, conditional requests."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import httpx2 as httpx
import pytest

from exporter.model.outcome import Result
from exporter.model.snapshot import Snapshot
from exporter.report import api
from exporter.report.api import RESOURCES
from exporter.report.api.query import MOST
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.snapshots import small
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


def broken(
    _: Snapshot, _path: str, _parameters: Mapping[str, str], _now: datetime
) -> None:
    """Fail as no answer should."""
    raise ZeroDivisionError


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
        ("pairs?verdict=", "verdict is one of as_expected, "),
        ("pairs?verdict=skipped,skipped", "verdict has a value more than once"),
        (f"pairs?source={'x' * 257}", "source has more than 256 characters"),
        ("matrix/containers?source_network=a", "destination_network is missing"),
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
    "path",
    [
        "",
        "x",
        "pairs/",
        "pairs/0123456789abcdef0123",
        "summary/",
        "matrix/",
        "pairs/\u00e9",
    ],
)
def test_where_nothing_is_nothing_is_found(given: Given, path: str) -> None:
    """404, as a problem too; what has no entity has no tag that fits it."""
    response = fetched(given.app(), f"{API}/{path}", headers={"if-none-match": "*"})

    assert (404, 404) == (response.status_code, response.json()["status"])
    assert "application/problem+json" == response.headers["content-type"]
    assert "no-store" == response.headers["cache-control"]


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]
)
def test_it_is_for_reading_only(given: Given, method: str) -> None:
    """And says what is allowed."""
    response = fetched(given.app(), f"{API}/summary", method)

    assert (405, 405) == (response.status_code, response.json()["status"])
    assert {"GET", "HEAD"} == set(response.headers["allow"].split(", "))
    assert "application/problem+json" == response.headers["content-type"]


def test_a_fault_of_ours_is_a_problem_too(given: Given) -> None:
    """It tells a client nothing of what happened."""
    given.api = broken

    response = get(given, "summary")

    assert (500, 500) == (response.status_code, response.json()["status"])
    assert "application/problem+json" == response.headers["content-type"]
    assert "Zero" not in response.text


class TestConditionalRequests:
    """What a client has is not sent again (RFC 9110, 13.1.2)."""

    def asked(self, given: Given, path: str, has: str) -> httpx.Response:
        """Return the answer to whoever has something, which may name a tag as TAG."""

        async def use(client: httpx.AsyncClient) -> httpx.Response:
            first = await client.get(f"{API}/{path}")
            tag = {"if-none-match": has.replace("TAG", first.headers["etag"])}
            return await client.get(f"{API}/{path}", headers=tag)

        return served(given.app(), use)

    @pytest.mark.parametrize(
        "has", ["TAG", '"other", TAG', 'W/"a",TAG , "b"', "*"], ids=str
    )
    def test_it_has_it(self, given: Given, has: str) -> None:
        """Its tag is among those it names; what may be kept is said again."""
        response = self.asked(given, "summary", has)

        assert (304, b"") == (response.status_code, response.content)
        assert response.headers["etag"].startswith('W/"')
        assert "Accept-Encoding" == response.headers["vary"]
        assert "no-cache" == response.headers["cache-control"]
        assert "content-type" not in response.headers

    def test_comparison_is_weak(self, given: Given) -> None:
        """A proxy may have made a strong tag of it."""

        async def use(client: httpx.AsyncClient) -> int:
            tag = (await client.get(f"{API}/pairs")).headers["etag"]
            strong = {"if-none-match": tag.removeprefix("W/")}
            return (await client.get(f"{API}/pairs", headers=strong)).status_code

        assert 304 == served(given.app(), use)

    @pytest.mark.parametrize("has", ['"other"', "TA", "", "x*"], ids=repr)
    def test_it_has_something_else(self, given: Given, has: str) -> None:
        """Or nothing that is a tag."""
        assert 200 == self.asked(given, "summary", has).status_code

    def test_a_tag_belongs_to_its_address(self, given: Given) -> None:
        """Another query is another entity."""

        async def use(client: httpx.AsyncClient) -> set[str]:
            paths = ("pairs", "pairs?limit=1", "pairs?limit=2", "events")
            return {
                (await client.get(f"{API}/{path}")).headers["etag"] for path in paths
            }

        assert 4 == len(served(given.app(), use))

    def test_until_there_is_a_new_snapshot(self, given: Given) -> None:
        """Then everything is told anew."""

        async def use(client: httpx.AsyncClient) -> list[int]:
            has = {"if-none-match": (await client.get(f"{API}/pairs")).headers["etag"]}
            before = await client.get(f"{API}/pairs", headers=has)
            given.snapshot = replace(given.snapshot)
            after = await client.get(f"{API}/pairs", headers=has)
            return [before.status_code, after.status_code]

        assert [304, 200] == served(given.app(), use)

    def test_until_it_is_too_old(self) -> None:
        """A page that asks for the summary alone learns that nobody looks any more."""
        given = Given(snapshot=small())

        async def use(client: httpx.AsyncClient) -> list[str]:
            first = await client.get(f"{API}/summary")
            has = {"if-none-match": first.headers["etag"]}
            given.later = timedelta(hours=1)
            second = await client.get(f"{API}/summary", headers=has)
            return [one.json()["headline"]["tone"] for one in (first, second)]

        assert ["good", "doubt"] == served(given.app(), use)


class TestCompression:
    """Large answers are packed where the client likes it."""

    @pytest.mark.parametrize(
        ("accepted", "packed"), [("gzip", True), ("gzip;q=0", False), ("br", False)]
    )
    def test_it_is_as_the_client_says(
        self, given: Given, accepted: str, *, packed: bool
    ) -> None:
        """And caches are told that it is."""
        plain = fetched(given.app(), f"{API}/pairs", headers={"accept-encoding": ""})
        response = fetched(
            given.app(), f"{API}/pairs", headers={"accept-encoding": accepted}
        )

        assert packed == (response.headers.get("content-encoding") == "gzip")
        assert plain.content == response.content
        assert packed == (
            int(response.headers["content-length"]) < len(plain.content) / 4
        )
        assert "Accept-Encoding" == response.headers["vary"]

    def test_small_ones_are_not(self) -> None:
        """It would not be worth it."""
        response = get(Given(), "events")

        assert "content-encoding" not in response.headers


def test_a_head_tells_what_a_get_would(given: Given) -> None:
    """Without the body."""
    answers = all_fetched(
        given.app(), [("GET", f"{API}/pairs"), ("HEAD", f"{API}/pairs")]
    )

    got, head = (dict(one.headers) for one in answers)
    assert {**got, "date": ""} == {**head, "date": ""}
    assert b"" == answers[1].content


def test_what_all_ask_for_at_once_is_made_once(given: Given) -> None:
    """Pages ask as soon as something changes; a second later it is made anew."""
    made = []

    def counted(
        snapshot: Snapshot, path: str, parameters: Mapping[str, str], now: datetime
    ) -> Mapping[str, object] | None:
        made.append(path)
        return api.answer(snapshot, path, parameters, now)

    given.api = counted

    async def use(client: httpx.AsyncClient) -> list[int]:
        counts = []
        for _ in range(2):
            for _ in range(3):
                await client.get(f"{API}/matrix")
            counts.append(len(made))
            given.later = timedelta(seconds=1)
        return counts

    assert [1, 2] == served(given.app(), use)


def test_it_may_be_kept_but_must_be_asked_for(given: Given) -> None:
    """And not by pages of others."""
    response = get(given, "topology")

    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers
