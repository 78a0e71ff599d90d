"""Rules of slow clients: they cost nothing, and keep nobody out."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
from starlette.responses import PlainTextResponse, Response

from exporter.access import Access
from exporter.web import Door, Names, WebServer
from exporter.web.protocol import Limits
from tests.fakes.web import PATIENCE_S, Given, during, running, spoken

GET = b"GET /metrics HTTP/1.0\r\n\r\n"
LARGE = Response(b"x" * (32 << 20))
"""More than the buffers of both kernels hold."""
IN_TIME_S = 0.05


@contextlib.asynccontextmanager
async def connected(
    server: WebServer, count: int
) -> AsyncIterator[list[socket.socket]]:
    """Open connections that say nothing."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as opened:
        made = []
        for _ in range(count):
            one = opened.enter_context(socket.socket())
            one.setblocking(False)
            await loop.sock_connect(one, server.addresses[0])
            made.append(one)
        yield made


async def until_nobody_is_left(server: WebServer) -> None:
    """Wait; nobody tells when a connection has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while server.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def is_open(one: socket.socket) -> bool:
    """Return whether the other end has not closed."""
    try:
        return one.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_idle_connections_keep_nobody_out() -> None:
    """With a thousand of them a scrape takes its time and no more."""

    async def scenario(server: WebServer) -> bytes:
        async with connected(server, 1000) as idle:
            took_s, answers = [], []
            for _ in range(20):
                began_s = time.perf_counter()
                answers.append(await spoken(server, GET))
                took_s.append(time.perf_counter() - began_s)
            assert sorted(took_s)[len(took_s) // 2] < IN_TIME_S
            assert all(one.endswith(b"up 1\n") for one in answers)
            assert Limits().client_connections_max >= sum(map(is_open, idle))
            return answers[-1]

    assert during(scenario).endswith(b"up 1\n")


@pytest.mark.parametrize("count", [1, 3])
def test_who_says_nothing_is_let_go(count: int) -> None:
    """After the time for a request, each."""

    async def scenario(server: WebServer) -> bytes:
        async with connected(server, count) as silent:
            while not server.connections:  # noqa: ASYNC110
                await asyncio.sleep(0)
            await until_nobody_is_left(server)
            assert not any(map(is_open, silent))
        return b"gone"

    assert b"gone" == during(scenario, limits=Limits(request_s=0.1))


def test_each_has_its_time_to_say_something() -> None:
    """One that came later may stay when another has to go."""

    async def scenario(server: WebServer) -> bytes:
        async with connected(server, 1) as (first,):
            await asyncio.sleep(0.15)
            async with connected(server, 1) as (second,):
                while is_open(first):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                assert is_open(second)
                await until_nobody_is_left(server)
        return b"gone"

    assert b"gone" == during(scenario, limits=Limits(request_s=0.3))


def test_who_speaks_late_is_answered() -> None:
    """What others do meanwhile, and when they leave, changes nothing."""

    async def scenario(server: WebServer) -> bytes:
        loop = asyncio.get_running_loop()
        async with connected(server, 3) as (gone, late, silent):
            gone.close()
            await asyncio.sleep(0.05)
            await loop.sock_sendall(late, GET)
            answer = b""
            while piece := await loop.sock_recv(late, 1 << 16):
                answer += piece
            assert is_open(silent)
            assert 1 == server.connections
            return answer

    assert during(scenario).endswith(b"up 1\n")


def test_who_has_spoken_stays_before_who_has_not() -> None:
    """However many come behind it before there is time to look."""

    async def main() -> bytes:
        server = WebServer(Given().app(), [("127.0.0.1", 0)])
        early = asyncio.create_task(spoken(server, GET))
        async with connected(server, 300):
            serving = asyncio.create_task(server.serve())
            answer = await early
            server.stop()
            await serving
        return answer

    assert asyncio.run(main()).endswith(b"up 1\n")


def test_the_oldest_idle_one_makes_room() -> None:
    """Not one that is being answered, nor the newest."""
    may_end = asyncio.Event()

    async def waiting(scope: object, receive: object, send: object) -> None:
        await may_end.wait()
        await PlainTextResponse("done")(scope, receive, send)  # type: ignore[arg-type]

    limits = Limits(connections_max=3, client_connections_max=3)

    async def scenario(server: WebServer) -> bytes:
        busy = asyncio.create_task(spoken(server, GET))
        async with connected(server, 3) as idle:
            await asyncio.sleep(0.05)
            assert [False, True, True] == [is_open(one) for one in idle]
            may_end.set()
            return await busy

    assert during(scenario, waiting, limits).endswith(b"done")


def test_who_does_not_read_is_let_go() -> None:
    """Whatever is still to be sent is dropped after some time."""

    async def scenario(server: WebServer) -> bytes:
        async with connected(server, 1) as (one,):
            await asyncio.get_running_loop().sock_sendall(one, GET)
            await until_nobody_is_left(server)
        return b"gone"

    assert b"gone" == during(scenario, LARGE, Limits(stall_s=0.2))


def test_who_reads_slowly_gets_it_all() -> None:
    """Time runs anew with what was taken."""
    body = b"x" * (4 << 20)

    async def scenario(server: WebServer) -> bytes:
        reader, writer = await asyncio.open_connection(
            *server.addresses[0], limit=1 << 16
        )
        writer.write(GET)
        found = b""
        while piece := await reader.read(1 << 18):
            found += piece
            await asyncio.sleep(0.03)
        writer.close()
        await writer.wait_closed()
        return found

    answer = during(scenario, Response(body), Limits(stall_s=0.4))
    assert answer.endswith(body)


def test_a_close_does_not_wait_for_a_reader() -> None:
    """Who asks for a close and does not read is let go too."""
    answer = Response(b"x" * (32 << 20), headers={"connection": "close"})

    async def scenario(server: WebServer) -> bytes:
        async with connected(server, 1) as (one,):
            await asyncio.get_running_loop().sock_sendall(one, GET)
            await until_nobody_is_left(server)
        return b"gone"

    assert b"gone" == during(scenario, answer, Limits(stall_s=0.2))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"".join(b"x%d: y\r\n" % n for n in range(101)), b"431"),
        (b"x: " + b"y" * (17 << 10) + b"\r\n", b"4"),
        (b"content-length: 65537\r\n", b"413"),
        (b"content-length: 99999999999999\r\n", b"413"),
        (b"content-length: -1\r\n", b"400"),
        (b"content-length: 1\r\ncontent-length: 2\r\n", b"400"),
        (b"content-length: 1\r\ntransfer-encoding: chunked\r\n", b"4"),
        (b"host: a\r\nhost: b\r\n", b"400"),
        (b"x y: z\r\n", b"400"),
        (b"x: y\x00z\r\n", b"400"),
    ],
    ids=[
        "too many",
        "too long",
        "a large body",
        "a huge body",
        "less than no body",
        "two lengths",
        "a length and chunks",
        "two hosts",
        "a name with a blank",
        "a NUL",
    ],
)
def test_odd_headers(headers: bytes, status: bytes) -> None:
    """They are refused, and the connection ends."""
    head = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if b"host" in headers:
        head = b"POST /metrics HTTP/1.1\r\nConnection: close\r\n"

    async def scenario(server: WebServer) -> bytes:
        return await spoken(server, head + headers + b"\r\n")

    answer = during(scenario)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:80]


def test_a_long_target() -> None:
    """A path counts as the headers do."""

    async def scenario(server: WebServer) -> bytes:
        return await spoken(server, b"GET /" + b"a" * 17_000 + b" HTTP/1.0\r\n\r\n")

    assert during(scenario).startswith(b"HTTP/1.1 4")


def test_http2_is_not_spoken() -> None:
    """Its preface is refused as what it is: no HTTP/1."""

    async def scenario(server: WebServer) -> bytes:
        return await spoken(
            server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
        )

    answer = during(scenario)

    assert answer.startswith(b"HTTP/1.1 505 ")
    assert 1 == answer.count(b"HTTP/1.1")


def test_pipelined_requests() -> None:
    """Each is answered, in order; with a password each needs it."""

    async def main() -> bytes:
        door = Door(Given().app(), Access, Names((), ()))
        async with running(door) as server:
            one = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
            found = await spoken(
                server,
                one % (b"/-/healthy", b"")
                + one % (b"/nowhere", b"")
                + one % (b"/metrics", b"Connection: close\r\n"),
            )
        door.stop()
        return found

    answer = asyncio.run(main())
    statuses = [one[:3] for one in answer.split(b"HTTP/1.1 ")[1:]]

    assert [b"200", b"404", b"200"] == statuses
    assert answer.endswith(b"up 1\n")


def test_a_body_nobody_wants_ends_the_connection() -> None:
    """A client cannot go on sending for as long as it likes."""
    said = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"

    async def scenario(server: WebServer) -> bytes:
        began_s = time.perf_counter()
        answer = await spoken(server, said)
        assert time.perf_counter() - began_s < 1
        return answer

    assert during(scenario).startswith(b"HTTP/1.1 404 ")
