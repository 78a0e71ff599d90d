"""Changes as they happen, over a connection that stays open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest

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
        self.stream = Stream(self.watch.look, event_entry)
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
    use: Callable[[AsyncIterator[Message]], Awaitable[list[Message]]],
    headers: dict[str, str] | None = None,
) -> list[Message]:
    """Return what a function reads from the stream, over a real connection."""

    async def open_it(client: httpx.AsyncClient) -> list[Message]:
        async with (
            asyncio.timeout(PATIENCE_S),
            client.stream("GET", PATH, headers=headers) as response,
        ):
            assert "text/event-stream" in response.headers["content-type"]
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


def test_who_comes_back_is_told_what_was_missed() -> None:
    """By the id of the last event; not twice, and not of another process."""
    host = Host()
    ids: list[str] = []

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        await until(told, "snapshot")
        host.turn(leaking=True)
        ids.append((await until(told, "verdict"))["id"])
        return []

    async def again(told: AsyncIterator[Message]) -> list[Message]:
        found = []
        async for message in told:
            found.append(message)
            if message.get("event") == "snapshot":
                break
        return found

    streamed(host, use)
    host.turn(leaking=False)
    missed = streamed(host, again, {"last-event-id": ids[0]})
    foreign = streamed(host, again, {"last-event-id": "0badcafe-1"})

    assert [one.get("event") for one in missed] == [None, "verdict", "snapshot"]
    assert missed[1]["data"]["verdict"] == "as_expected"
    assert [one.get("event") for one in foreign] == [None, "snapshot"]


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
    """So many at most; one that ends makes room."""
    host = Host()

    async def use(client: httpx.AsyncClient) -> list[int]:
        async with asyncio.timeout(PATIENCE_S):
            opened = []
            for _ in range(CLIENTS_MAX):
                request = client.build_request("GET", PATH)
                opened.append(await client.send(request, stream=True))
            refused = await client.get(PATH)
            for response in opened:
                await response.aclose()
        host.stream.stop()
        return [response.status_code for response in (*opened, refused)]

    statuses = served(Given(stream=host.stream.answer).app(), use)

    assert statuses == [200] * CLIENTS_MAX + [503]


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing waits for him any more."""
    monkeypatch.setattr(streaming, "WAITING_MAX", 3)
    host = Host()

    async def use(told: AsyncIterator[Message]) -> list[Message]:
        await until(told, "snapshot")
        for number in range(4):  # without a pause in which anybody could read
            host.turn(leaking=number % 2 == 0)
        return [message async for message in told]

    assert len(streamed(host, use)) <= 3
