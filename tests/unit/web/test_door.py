"""Rules of the door: the same for every path."""

import asyncio
import base64
from collections.abc import Callable, Mapping

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse

from exporter.access import Access, Rate
from exporter.web import Door, Names
from exporter.web.door import Bucket
from tests.fakes.certificates import HASH
from tests.fakes.web import Given, running

USERS = {"prometheus": HASH.encode()}
RIGHT = {"authorization": "Basic " + base64.b64encode(b"prometheus:secret").decode()}
WRONG = {"authorization": "Basic " + base64.b64encode(b"prometheus:guess").decode()}
PATHS = [
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
    "/static/page.css",
    "/api/v1/summary",
    "/api/v1/stream",
    "/nowhere",
    "/static/../door.py",
    "/static/%2e%2e/door.py",
]


class Doors:
    """An application behind a door."""

    def __init__(self, access: Access, given: Given | None = None) -> None:
        self.access = access
        self.given = given or Given(problems=())

    def ask(
        self,
        path: str = "/metrics",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> httpx.Response:
        """Return the answer to one request."""
        return self.ask_all([(method, path, headers or {})])[0]

    def ask_all(
        self, requests: list[tuple[str, str, Mapping[str, str]]]
    ) -> list[httpx.Response]:
        """Return the answers to requests, one after the other."""

        async def main() -> list[httpx.Response]:
            door = Door(
                self.given.app(), lambda: self.access, Names((), ("a.example",))
            )
            try:
                async with (
                    running(door) as server,
                    httpx.AsyncClient(
                        base_url=server.urls[0], trust_env=False
                    ) as client,
                ):
                    return [
                        await client.request(method, path, headers=headers)
                        for method, path, headers in requests
                    ]
            finally:
                door.stop()

        return asyncio.run(main())


class TestPasswords:
    """Basic authentication."""

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("headers", [{}, WRONG], ids=["none", "wrong"])
    def test_every_path_is_covered(self, path: str, headers: dict[str, str]) -> None:
        """Whatever is there, or not, is not told to strangers."""
        answer = Doors(Access(users=USERS)).ask(path, headers)

        assert 401 == answer.status_code
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "no-store" == answer.headers["cache-control"]

    def test_the_right_one(self) -> None:
        """Lets through."""
        assert b"up 1\n" == Doors(Access(users=USERS)).ask(headers=RIGHT).content

    def test_nothing_is_changed_without(self) -> None:
        """A reload is not begun."""
        doors = Doors(Access(users=USERS))

        answer = doors.ask("/-/reload", method="POST")

        assert 401 == answer.status_code
        assert 0 == doors.given.reloads

    def test_two_headers(self) -> None:
        """What another program before us would read otherwise is no password."""

        async def ask(client: httpx.AsyncClient) -> int:
            both = [*RIGHT.items(), *WRONG.items()]
            return (await client.get("/metrics", headers=both)).status_code

        async def main() -> int:
            door = Door(Given().app(), lambda: Access(users=USERS), Names((), ()))
            async with (
                running(door) as server,
                httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
            ):
                found = await ask(client)
            door.stop()
            return found

        assert 401 == asyncio.run(main())


class TestNames:
    """The Host header."""

    @pytest.mark.parametrize("path", PATHS)
    def test_a_name_that_is_not_ours(self, path: str) -> None:
        """DNS rebinding reads nothing, whatever the path."""
        answer = Doors(Access()).ask(path, {"host": "evil.example"})

        assert 421 == answer.status_code
        assert "web.allowed_hosts" in answer.text

    def test_a_name_that_is_allowed(self) -> None:
        """It is a setting."""
        assert 200 == Doors(Access()).ask(headers={"host": "a.example:80"}).status_code

    def test_with_a_password_the_name_does_not_matter(self) -> None:
        """A page of another name has no password of ours."""
        doors = Doors(Access(users=USERS))
        name = {"host": "evil.example"}

        assert 200 == doors.ask(headers={**RIGHT, **name}).status_code
        assert 401 == doors.ask(headers=name).status_code


class TestOrigins:
    """Pages of others."""

    @pytest.mark.parametrize("path", PATHS)
    def test_another_site_reads_nothing(self, path: str) -> None:
        """Not even whether there is something."""
        foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
        answer = Doors(Access()).ask(path, foreign)

        assert 403 == answer.status_code
        assert "access-control-allow-origin" not in answer.headers

    def test_no_answer_allows_another_origin(self) -> None:
        """There is no CORS, asked for or not."""
        doors = Doors(Access())
        asked = {"origin": "http://evil.example", "host": "localhost"}
        preflight = {**asked, "access-control-request-method": "POST"}

        answers = doors.ask_all(
            [
                ("GET", "/metrics", asked),
                ("OPTIONS", "/metrics", preflight),
                ("GET", "/metrics", {}),
            ]
        )

        assert [403, 403, 200] == [one.status_code for one in answers]
        assert not any(
            name.startswith("access-control") for one in answers for name in one.headers
        )

    def test_a_link_may_lead_here(self) -> None:
        """From a dashboard, say."""
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}

        assert 200 == Doors(Access()).ask("/", link).status_code


class TestHeaders:
    """`http_server_config`."""

    @pytest.mark.parametrize("path", ["/", "/metrics", "/nowhere"])
    def test_they_stand_instead_of_ours(self, path: str) -> None:
        """On every answer; what is not set stays as it is."""
        answer = Doors(Access(headers={"x-frame-options": "sameorigin"})).ask(path)

        assert ["sameorigin"] == answer.headers.get_list("x-frame-options")
        assert "nosniff" == answer.headers["x-content-type-options"]

    def test_also_on_what_the_door_says(self) -> None:
        """A refusal is an answer."""
        rules = Access(headers={"strict-transport-security": "max-age=1"}, users=USERS)

        answer = Doors(rules).ask()

        assert "max-age=1" == answer.headers["strict-transport-security"]


class TestRate:
    """`rate_limit`."""

    def test_too_many(self) -> None:
        """After the burst 429, and when to come again."""
        doors = Doors(Access(rate=Rate(interval_s=600, burst=2)))

        answers = doors.ask_all([("GET", "/metrics", {})] * 3)

        assert [200, 200, 429] == [one.status_code for one in answers]
        assert "1" == answers[-1].headers["retry-after"]

    def test_bucket(self) -> None:
        """One more after each interval, never more than the burst."""
        now_s = 0.0

        def clock() -> float:
            return now_s

        bucket, rate = Bucket(clock), Rate(interval_s=1, burst=2)

        def takes(at_s: float, look: Callable[[], bool]) -> bool:
            nonlocal now_s
            now_s = at_s
            return look()

        found = [
            takes(at_s, lambda: bucket.takes(rate))
            for at_s in (0, 0, 0, 0.5, 1.5, 1.5, 100, 100, 100)
        ]

        assert found == [True, True, False, False, True, False, True, True, False]

    def test_a_changed_limit_begins_anew(self) -> None:
        """With its own burst."""
        bucket = Bucket(lambda: 0.0)
        assert bucket.takes(Rate(interval_s=1, burst=1))
        assert not bucket.takes(Rate(interval_s=1, burst=1))

        assert bucket.takes(Rate(interval_s=1, burst=5))


def test_rules_of_now_are_kept() -> None:
    """Each request is held against what is in force when it comes."""
    rules = [Access()]

    async def main() -> list[int]:
        door = Door(PlainTextResponse("in"), lambda: rules[-1], Names((), ()))
        async with (
            running(door) as server,
            httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
        ):
            before = await client.get("/")
            rules.append(Access(users=USERS))
            after = await client.get("/")
        door.stop()
        return [before.status_code, after.status_code]

    assert [200, 401] == asyncio.run(main())
