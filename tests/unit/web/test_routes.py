"""Rules of the paths: what is answered, to whom, with which headers."""

import asyncio
import threading

import httpx2 as httpx
import pytest

from tests.fakes.pages import good
from tests.fakes.web import Given, all_fetched, fetched, served

PATHS = [
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/static/style.css",
    "/static/main.js",
]
CHECKS = [("GET", "/-/healthy"), ("GET", "/-/ready")]


class TestMetrics:
    """The telemetry path."""

    def test_the_renderer_decides_the_format(self) -> None:
        """Accept headers reach the renderer, its headers reach the client."""
        given = Given(rendered=(b"body", "application/openmetrics-text; v=1", None))

        response = fetched(
            given.app(), "/metrics", headers={"accept": "a/b", "accept-encoding": "c"}
        )

        assert (200, b"body") == (response.status_code, response.content)
        assert [("a/b", "c")] == given.asked
        assert "application/openmetrics-text; v=1" == response.headers["content-type"]
        assert "Accept, Accept-Encoding" == response.headers["vary"]
        assert "content-encoding" not in response.headers

    def test_what_is_ready_is_answered_at_once(self) -> None:
        """Without a thread, in the format that is asked for."""
        given = Given(ready=(b"ready", "text/plain", None))

        response = fetched(
            given.app(), "/metrics", headers={"accept": "a/b", "accept-encoding": "c"}
        )

        assert b"ready" == response.content
        assert [("a/b", "c")] == given.asked

    @pytest.mark.parametrize(("late", "body"), [(3, b"newest"), (4, b"before")])
    def test_the_newest_is_waited_for_but_not_for_long(
        self, late: int, body: bytes
    ) -> None:
        """Beside a busy probe thread a quick rendering takes its time."""
        newest, before = (
            (b"newest", "text/plain", None),
            (b"before", "text/plain", None),
        )
        given = Given(ready=newest, late=late, held=before)

        assert body == fetched(given.app(), "/metrics").content

    def test_compressed(self) -> None:
        """A compressed body says so."""
        packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x03\x00" + bytes(8)
        given = Given(rendered=(packed, "text/plain", "gzip"))

        response = fetched(given.app(), "/metrics")

        assert "gzip" == response.headers["content-encoding"]
        assert str(len(packed)) == response.headers["content-length"]

    def test_another_path(self) -> None:
        """The path is a setting; the page links to it, and nothing is at the old."""
        app = Given(telemetry_path="/docker/metrics").app()

        assert b"up 1\n" == fetched(app, "/docker/metrics").content
        assert 404 == fetched(app, "/metrics").status_code
        assert 'href="docker/metrics"' in fetched(app, "/").text

    def test_rendering_does_not_hold_up_the_health_check(self) -> None:
        """Metrics are made in a thread; whatever they take, the process answers."""
        rendering, may_go_on = threading.Event(), threading.Event()

        def slow() -> None:
            rendering.set()
            if not may_go_on.wait(5):
                raise TimeoutError

        given = Given(renderer=slow)

        async def use(client: httpx.AsyncClient) -> tuple[int, bytes]:
            scrape = asyncio.create_task(client.get("/metrics"))
            await asyncio.to_thread(rendering.wait)
            health = await client.get("/-/healthy")
            may_go_on.set()
            return health.status_code, (await scrape).content

        assert (200, b"up 1\n") == served(given.app(), use)


class TestHealth:
    """What orchestrators ask."""

    def test_well(self) -> None:
        """Both checks answer 200 in a word."""
        answers = all_fetched(Given().app(), CHECKS)

        assert [(200, "healthy\n"), (200, "ready\n")] == [
            status_and_text(one) for one in answers
        ]

    def test_not_well(self) -> None:
        """503, and why."""
        app = Given(unhealthy="the loop stalled", not_ready="no cycle yet").app()

        answers = all_fetched(app, CHECKS)

        assert [
            (503, "not healthy: the loop stalled\n"),
            (503, "not ready: no cycle yet\n"),
        ] == [status_and_text(one) for one in answers]


class TestReload:
    """POST /-/reload."""

    def test_not_enabled(self) -> None:
        """Without the setting there is no such path."""
        given = Given(problems=None)

        assert 404 == fetched(given.app(), "/-/reload", "POST").status_code
        assert 0 == given.reloads

    def test_good(self) -> None:
        """200 once the new configuration is in use."""
        given = Given(problems=())

        response = fetched(given.app(), "/-/reload", "POST")

        assert (200, "reloaded\n") == status_and_text(response)
        assert 1 == given.reloads

    def test_problems(self) -> None:
        """500 with every problem, one a line."""
        app = Given(problems=("f:1: a: b", "f:2: c: d")).app()

        assert (500, "f:1: a: b\nf:2: c: d\n") == status_and_text(
            fetched(app, "/-/reload", "POST")
        )

    def test_only_by_post(self) -> None:
        """A link or a crawler reloads nothing."""
        given = Given(problems=())

        response = fetched(given.app(), "/-/reload")

        assert 405 == response.status_code
        assert "POST" == response.headers["allow"]
        assert 0 == given.reloads

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_not_by_another_site(self, site: str) -> None:
        """A page elsewhere cannot make a visitor's browser reload us."""
        given = Given(problems=())

        response = fetched(
            given.app(), "/-/reload", "POST", headers={"sec-fetch-site": site}
        )

        assert 403 == response.status_code
        assert 0 == given.reloads


class TestEverywhere:
    """What holds for every path."""

    def test_head(self) -> None:
        """HEAD answers as GET does, without the body."""
        app = Given(snapshot=good()).app()

        get = all_fetched(app, [("GET", path) for path in PATHS])
        head = all_fetched(app, [("HEAD", path) for path in PATHS])

        assert [b""] * len(PATHS) == [one.content for one in head]
        assert [described(one) for one in get] == [described(one) for one in head]

    def test_other_methods(self) -> None:
        """Nothing can be changed here."""
        methods = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS")
        requests = [(method, path) for method in methods for path in PATHS]

        responses = all_fetched(Given().app(), requests)

        assert [405] * len(requests) == [one.status_code for one in responses]

    def test_unknown_paths(self) -> None:
        """404 in plain text; no redirect, no file beside the static ones."""
        paths = [
            *("/x", "/metrics/", "/metrics/x", "/-/", "/-/healthy/", "/robots.txt"),
            *("/static/", "/static/x", "/templates/index.html", "/%00"),
            *("/static/../routes.py", "/static/%2e%2e/routes.py"),
        ]

        responses = all_fetched(Given().app(), [("GET", path) for path in paths])

        assert {(404, "Not Found")} == {status_and_text(one) for one in responses}
        assert {"text/plain; charset=utf-8"} == {
            one.headers["content-type"] for one in responses
        }

    def test_headers(self) -> None:
        """Every answer, errors too, forbids what we never need."""
        requests = [("GET", path) for path in (*PATHS, "/unknown")] + [("PUT", "/")]

        for response in all_fetched(Given().app(), requests):
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script-src 'self';" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert "unsafe" not in policy
            assert "nosniff" == response.headers["x-content-type-options"]
            assert "no-referrer" == response.headers["referrer-policy"]
            assert "DENY" == response.headers["x-frame-options"]
            assert "same-origin" == response.headers["cross-origin-resource-policy"]
            static = response.url.path.startswith("/static/")
            assert response.headers["cache-control"] == (
                "no-cache" if static else "no-store"
            )

    def test_nothing_names_the_server(self) -> None:
        """Whoever looks for versions finds none in the headers."""
        assert "server" not in fetched(Given().app(), "/metrics").headers


def test_an_unexpected_error_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    """What breaks is logged with its traceback; the client learns nothing of it."""

    def broken() -> None:
        message = "secret detail"
        raise RuntimeError(message)

    response = fetched(Given(renderer=broken).app(), "/metrics")

    assert (500, "Internal Server Error") == status_and_text(response)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "secret detail" in caplog.text


def described(response: httpx.Response) -> tuple[int, str, str]:
    """Return what GET and HEAD have in common."""
    headers = response.headers
    return response.status_code, headers["content-type"], headers["content-length"]


def status_and_text(response: httpx.Response) -> tuple[int, str]:
    """Return both."""
    return response.status_code, response.text
