"""Changes as they happen, over a connection that stays open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx2 as httpx
import pytest
from starlette.requests import Request

from exporter.model.outcome import Result
from exporter.report.api import event_entry
from exporter.web import stream as streaming
from exporter.web.stream import CLIENTS_MAX, Stream
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.topologies import demo
from tests.fakes.web import PATIENCE_S, Given, served

PATH = "/api/v1/stream"
Message = dict[str, Any]
LEAK = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
FINE = docker_like(demo())


class Host:
    """A host whose leak comes and goes, and a stream of that."""

    def __init__(self) -> None:
        """Begin in good health."""
        self.watch = Watch(demo())
        self.watch.cycle()
        self.stream = Stream(self.watch.look, event_entry, self.watch.clock)
        self.stream.published()

    def turn(self, *, leaking: bool) -> None:
        """Let a cycle find the leak, or its end, and publish it."""
        self.watch.clock.move(INTERVAL_S)
        self.watch.answer = LEAK if leaking else FINE
        self.watch.cycle()
        self.stream.published()


async def messages(response: httpx.Response) -> AsyncIterator[Message]:
    """Yield what a stream says, message by message."""
    found: Message = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = json.loads(value) if name == "data" else value
        elif found:
            yield found
            found = {}


def streamed(
    host: Host,
    *uses: Callable[[AsyncIterator[Message]], Awaitable[list[Message]]],
    headers: Callable[[], dict[str, str]] = dict,
) -> list[Message]:
    """Return what functions read from the stream, one connection after the other.

    Args:
        host: whose stream it is.
        uses: the functions; the messages of the last one are returned.
        headers: of each request, asked for just before it.
    """

    async def open_it(client: httpx.AsyncClient) -> list[Message]:
        found: list[Message] = []
        for use in uses:
            async with (
                asyncio.timeout(PATIENCE_S),
                client.stream("GET", PATH, headers=headers()) as response,
            ):
                assert "text/event-stream" in response.headers["content-type"]
                assert "no-store" == response.headers["cache-control"]
                found = await use(messages(response))
        host.stream.stop()
        return found

    return served(Given(stream=host.stream.answer).app(), open_it)


async def until(told: AsyncIterator[Message], kind: str) -> Message:
    """Return the next message of a kind."""
    async for message in told:
        if message.get("event") == kind:
            return message
    pytest.fail("the stream has ended")


def test_a_leak_and_its_end_are_told_as_they_happen() -> None:
    """With the pair, and what the whole comes to now."""
    host = Host()

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        first = await until(told, "snapshot")
        host.turn(leaking=True)
        leak = await until(told, "verdict")
        after = await until(told, "snapshot")
        host.turn(leaking=False)
        return [first, leak, after, await until(told, "verdict")]

    first, leak, after, end = streamed(host, use)

    assert first["data"]["summary"]["as_expected"] == 20
    assert leak["data"]["verdict"] == "unexpected_reachable"
    assert (leak["data"]["source"], leak["data"]["destination"]) == (
        "bridge1",
        "mybridge1",
    )
    assert after["data"]["summary"]["unexpected_reachable"] == 1
    assert (end["data"]["before"], end["data"]["verdict"]) == (
        "unexpected_reachable",
        "as_expected",
    )
    assert leak["id"] != end["id"]
    assert first["data"]["headline"]["tone"] == "good"
    assert after["data"]["headline"]["tone"] == "bad"


async def beginning(told: AsyncIterator[Message]) -> list[Message]:
    """Return what a stream says first, up to what the whole comes to."""
    found = []
    async for message in told:
        found.append(message)
        if message.get("event") == "snapshot":
            return found
    pytest.fail("the stream has ended")


def test_who_comes_back_is_told_what_was_missed() -> None:
    """By the id of the last event, and not twice."""
    host = Host()
    ids: list[str] = []

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        await until(told, "snapshot")
        host.turn(leaking=True)
        ids.append((await until(told, "verdict"))["id"])
        host.turn(leaking=False)
        return []

    missed = streamed(
        host, use, beginning, headers=lambda: {"last-event-id": "".join(ids)}
    )

    assert [one.get("event") for one in missed] == [None, "verdict", "snapshot"]
    assert missed[1]["data"]["verdict"] == "as_expected"


def test_who_has_seen_no_change_can_come_back_too() -> None:
    """What the whole comes to has an id as well."""
    host = Host()
    ids: list[str] = []

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        ids.append((await until(told, "snapshot"))["id"])
        host.turn(leaking=True)
        return []

    missed = streamed(
        host, use, beginning, headers=lambda: {"last-event-id": "".join(ids)}
    )

    assert [one.get("event") for one in missed] == [None, "verdict", "snapshot"]


@pytest.mark.parametrize("odd", ["0badcafe-1", "x", "-", "1-x"])
def test_who_comes_from_elsewhere_is_told_so(odd: str) -> None:
    """Another process counted otherwise: nobody knows what was missed."""
    found = streamed(Host(), beginning, headers=lambda: {"last-event-id": odd})

    assert [one.get("event") for one in found] == [None, "missed", "snapshot"]
    assert found[1]["data"] == {"events": None}


def test_a_quiet_stream_shows_that_it_is_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy would else take it for dead."""
    monkeypatch.setattr(streaming, "BEAT_S", 0.01)
    host = Host()

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        await until(told, "snapshot")
        return [await anext(told)]

    (alive,) = streamed(host, use)
    assert alive == {"": "alive"}


def test_there_is_an_end_to_streams() -> None:
    """So many at most; one that ends makes room, and whoever asks for headers only."""
    host = Host()

    async def use(client: httpx.AsyncClient) -> list[int]:
        statuses = [(await client.head(PATH)).status_code]
        async with asyncio.timeout(PATIENCE_S):
            opened = []
            for _ in range(CLIENTS_MAX):
                request = client.build_request("GET", PATH)
                opened.append(await client.send(request, stream=True))
            refused = await client.get(PATH)
            assert "application/problem+json" == refused.headers["content-type"]
            await opened.pop().aclose()
            statuses.append(refused.status_code)
            while refused.status_code == 503:
                request = client.build_request("GET", PATH)
                refused = await client.send(request, stream=True)
            for response in (*opened, refused):
                await response.aclose()
        host.stream.stop()
        return [*statuses, *(response.status_code for response in opened)]

    statuses = served(Given(stream=host.stream.answer).app(), use)

    assert statuses == [200, 503] + [200] * (CLIENTS_MAX - 1)


def test_who_reads_slowly_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """He is told how much he missed, the newest, and how it is now."""
    monkeypatch.setattr(streaming, "EVENTS_MAX", 3)
    host = Host()

    async def use() -> str:
        sent, may_go_on = asyncio.Queue[str](), asyncio.Event()
        may_go_on.set()

        async def send(message: MutableMapping[str, Any]) -> None:
            text = message.get("body", b"").decode()
            if "event: " in text:
                sent.put_nowait(text)
                await may_go_on.wait()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        scope = {"type": "http", "method": "GET", "headers": [], "query_string": b""}
        response = await host.stream.answer(Request(scope))
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            task = group.create_task(response(scope, receive, send))
            await sent.get()
            may_go_on.clear()
            host.turn(leaking=True)
            await sent.get()
            for number in range(10):
                host.turn(leaking=number % 2 == 1)
            assert sent.empty()
            may_go_on.set()
            text = await sent.get()
            task.cancel()
        return text

    text = asyncio.run(use())
    kinds = [line[7:] for line in text.splitlines() if line.startswith("event: ")]

    assert kinds == ["missed", *["verdict"] * 3, "snapshot"]
    assert '{"events":7}' in text


def test_a_stream_takes_no_parameters() -> None:
    """As everywhere, what is not known is said."""

    async def use(client: httpx.AsyncClient) -> int:
        return (await client.get(f"{PATH}?from=1")).status_code

    assert 400 == served(Given(stream=Host().stream.answer).app(), use)
