"""Rules of the server: what clients may use, and how it ends."""

import asyncio
import contextlib
import signal
import socket
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from exporter.clock import SystemClock
from exporter.web import WebServer
from exporter.web.protocol import Limits
from tests.fakes.web import PATIENCE_S, Given, during, running, spoken

GET = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
HURRIED = Limits(request_s=0.2)


class TestAddresses:
    """Where it listens."""

    def test_bound_addresses_are_known(self) -> None:
        """With port 0 the real port can be read, and be written as a URL."""
        server = WebServer(Given().app(), [("127.0.0.1", 0), ("::1", 0)])
        server.close()
        (_, four), (_, six) = server.addresses

        assert four > 0
        assert (
            f"http://127.0.0.1:{four}/",
            f"http://[::1]:{six}/",
        ) == server.urls

    def test_requests_wait_until_it_serves(self) -> None:
        """Who connects between listening and serving is answered."""

        async def main() -> bytes:
            server = WebServer(Given().app(), [("127.0.0.1", 0)])
            early = asyncio.create_task(spoken(server, GET.replace(b"1.1", b"1.0")))
            await asyncio.sleep(0)
            serving = asyncio.create_task(server.serve())
            answer = await early
            server.stop()
            await serving
            return answer

        assert asyncio.run(main()).startswith(b"HTTP/1.1 200 OK\r\n")

    def test_unix_sockets(self, tmp_path: Path) -> None:
        """They are served beside others, and removed at the end."""
        path = tmp_path / "web.sock"

        async def main() -> tuple[bytes, bytes, tuple[str, ...]]:
            addresses = [("127.0.0.1", 0), (f"unix:{path}", 0)]
            server = WebServer(Given().app(), addresses)
            serving = asyncio.create_task(server.serve())
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(GET.replace(b"1.1", b"1.0"))
            local = await reader.read()
            writer.close()
            await writer.wait_closed()
            other = await spoken(server, GET.replace(b"1.1", b"1.0"))
            urls = server.urls
            server.stop()
            await serving
            return local, other, urls

        local, other, urls = asyncio.run(main())

        assert local.endswith(b"healthy\n")
        assert other.endswith(b"healthy\n")
        assert f"unix:{path}" == urls[1]
        assert not path.exists()

    def test_the_socket_of_another_is_left(self, tmp_path: Path) -> None:
        """A process that took the name since keeps it."""
        path = tmp_path / "web.sock"
        server = WebServer(Given().app(), [(f"unix:{path}", 0)])
        path.unlink()
        path.write_text("another's")
        server.close()

        assert "another's" == path.read_text()


class TestDate:
    """When an answer was made (RFC 9110, 6.6.1)."""

    def test_each_answer_has_its_own(self) -> None:
        """Caches go by it, so it is of the answer and not of the server's start."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, GET.replace(b"1.1", b"1.0"))

        before = SystemClock().now_utc().replace(microsecond=0)
        head, _, _ = during(scenario).partition(b"\r\n\r\n")
        dates = [
            parsedate_to_datetime(line.partition(b": ")[2].decode())
            for line in head.splitlines()
            if line.startswith(b"date: ")
        ]

        assert 1 == len(dates)
        assert before <= dates[0] <= SystemClock().now_utc()


class TestBounds:
    """What one client can take from the others, and from probing."""

    def test_headers_that_never_end(self) -> None:
        """A connection whose request does not come is closed."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, GET[:-2])

        assert b"" == during(scenario, limits=HURRIED)

    def test_silence(self) -> None:
        """A connection on which nothing is said is closed."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, b"")

        assert b"" == during(scenario, limits=HURRIED)

    def test_a_body_that_never_ends(self) -> None:
        """A body nobody reads does not keep the connection either."""

        async def scenario(server: WebServer) -> bytes:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
            return await spoken(server, head)

        assert during(scenario, limits=HURRIED).startswith(b"HTTP/1.1 405 ")

    def test_the_second_request_of_a_connection(self) -> None:
        """Kept connections are timed again for each request."""

        async def scenario(server: WebServer) -> bytes:
            reader, writer = await asyncio.open_connection(*server.addresses[0])
            writer.write(GET)
            answer = await reader.readuntil(b"healthy\n")
            writer.write(GET[:-2])
            answer += await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

        assert 1 == during(scenario, limits=HURRIED).count(b"HTTP/1.1 200 OK")

    def test_a_slow_answer_is_not_a_slow_request(self) -> None:
        """The time for the request says nothing of the time for the answer."""

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(3 * HURRIED.request_s)
            await PlainTextResponse("late")(scope, receive, send)

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, GET.replace(b"1.1", b"1.0"))

        assert during(scenario, slow, HURRIED).endswith(b"late")

    def test_idle_connections_are_closed(self) -> None:
        """A kept connection ends when nothing follows."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, GET)

        answer = during(scenario, limits=Limits(keep_alive_s=0))
        assert answer.endswith(b"healthy\n")

    def test_huge_headers(self) -> None:
        """Headers beyond the limit are refused, not stored."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, GET[:-2] + b"X: " + b"x" * 100_000)

        answer = during(scenario)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))

    @pytest.mark.parametrize(
        "said",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            b"HELLO\r\n\r\n",
            b"GET / HTTP/9\r\n\r\n",
        ],
        ids=["TLS", "another protocol", "another version"],
    )
    def test_what_is_not_http(self, said: bytes) -> None:
        """It is refused and the connection ends."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, said)

        assert during(scenario).startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        "target", [b"//evil.example/", b"http://evil.example/metrics", b"*"]
    )
    def test_odd_targets(self, target: bytes) -> None:
        """No target makes us redirect or ask elsewhere."""

        async def scenario(server: WebServer) -> bytes:
            return await spoken(server, b"GET " + target + b" HTTP/1.0\r\n\r\n")

        answer = during(scenario)
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"evil" not in answer

    def test_an_upgrade_is_not_followed(self) -> None:
        """There are no web sockets here."""

        async def scenario(server: WebServer) -> bytes:
            asked = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\n"
            return await spoken(server, asked + b"Upgrade: websocket\r\n\r\n")

        assert during(scenario).startswith(b"HTTP/1.1 200 ")


class TestEnd:
    """Stopping."""

    def test_stop_is_prompt(self) -> None:
        """Idle connections do not hold it up, and the port is free at once."""

        async def main() -> tuple[float, int]:
            loop = asyncio.get_running_loop()
            async with running(Given().app()) as server:
                _, port = server.addresses[0]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(GET)
                await reader.readline()
                before = loop.time()
            took = loop.time() - before
            writer.close()
            await writer.wait_closed()
            return took, port

        took_s, port = asyncio.run(main())

        assert took_s < 1
        with socket.create_server(("127.0.0.1", port)):
            pass

    def test_answers_under_way_are_finished(self) -> None:
        """Who asked before the stop gets the answer."""
        began = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            began.set()
            await asyncio.sleep(0.3)
            await PlainTextResponse("late")(scope, receive, send)

        async def main() -> bytes:
            async with running(slow) as server:
                asked = asyncio.create_task(spoken(server, GET))
                await began.wait()
            return await asked

        assert asyncio.run(main()).endswith(b"late")

    def test_answers_that_take_too_long_are_not(self) -> None:
        """Nobody can keep the program from ending."""
        began = asyncio.Event()

        async def endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
            began.set()
            await asyncio.Event().wait()

        async def main() -> bytes:
            async with running(endless, Limits(grace_s=0)) as server:
                asked = asyncio.create_task(spoken(server, GET))
                await began.wait()
            try:
                return await asked
            except ConnectionError:
                return b""

        assert b"late" not in asyncio.run(main())

    def test_cancelling_closes_everything(self) -> None:
        """A task group that ends takes the port and the connections with it."""

        async def main() -> int:
            server = WebServer(Given().app(), [("127.0.0.1", 0)])
            serving = asyncio.create_task(server.serve())
            _, port = server.addresses[0]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await reader.readline()
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            writer.close()
            return port

        port = asyncio.run(main())

        with socket.create_server(("127.0.0.1", port)):
            pass

    def test_stop_before_serving(self) -> None:
        """A program that ends while it starts does not hang."""

        async def main() -> None:
            server = WebServer(Given().app(), [("127.0.0.1", 0)])
            server.stop()
            await server.serve()

        asyncio.run(main())

    def test_signals_are_the_programs(self) -> None:
        """Serving does not take SIGTERM for itself."""
        before = signal.getsignal(signal.SIGTERM)

        async def scenario(server: WebServer) -> bytes:
            answer = await spoken(server, GET.replace(b"1.1", b"1.0"))
            assert before == signal.getsignal(signal.SIGTERM)
            return answer

        assert during(scenario).startswith(b"HTTP/1.1 200 ")
