"""The JSON API and the stream of changes, beside a real engine."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.engine.test_detection import active, flushed, leaks, soon
from tests.fakes.answers import PLAIN
from tests.lab.service import serving
from tests.lab.topology import Running

SOON_S = 2.0
"""From the flush to whoever listens."""


def messages(response: httpx.Response, wanted: str) -> Iterator[dict[str, Any]]:
    """Yield the data of one kind of a stream's messages."""
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind == wanted:
            yield json.loads(value)


def told(client: httpx.Client, path: str) -> dict[str, Any]:
    """Return the document at a path below the prefix."""
    response = client.get(f"/api/v1/{path}").raise_for_status()
    found: dict[str, Any] = response.json()
    return found


def cells(client: httpx.Client) -> dict[tuple[str, str], str]:
    """Return the mark of each cell of the matrix, in scope container."""
    return {
        (one["source_network"], one["destination_network"]): one["mark"]
        for one in told(client, "matrix?scope=container")["cells"]
    }


def test_a_leak_is_told_at_once_and_remembered(demo: Running) -> None:
    """On the stream within two seconds; afterwards in the history of its pair."""
    with (
        serving(demo.engine, interval="60s") as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client,
    ):
        service.wait_for_cycle(trigger="start", as_expected=24)
        soon(lambda: "nftables" in active(service), 15)
        before = cells(client)
        with client.stream("GET", "/api/v1/stream") as stream:
            changes = messages(stream, "verdict")
            began_s = time.monotonic()
            with flushed(demo.engine):
                leak = next(changes)
                took_s = time.monotonic() - began_s
                lasting = told(client, "outages")
                during, headline = cells(client), told(client, "summary")["headline"]
                leaking = told(client, f"pairs/{leak['pair']}")
        soon(lambda: leaks(service) == 0)
        over = told(client, "outages")["outages"]
        pair = told(client, f"pairs/{over[0]['pair']}")

    assert leak["verdict"] == "unexpected_reachable"
    assert took_s < SOON_S
    assert {one["ended"] for one in lasting["outages"]} == {None}
    assert lasting["lasting"] == 8
    assert before["bridge", "mybridge"] == "isolated"
    assert during["bridge", "mybridge"] == "leaking"
    assert headline["tone"] == "bad"
    assert leaking["causes"][0]["remedy"]
    assert leaking["rtts"][-1][1] == pytest.approx(leaking["rtt_seconds"], rel=1e-6)
    assert len(over) == 8
    assert all(one["ended"] and one["cause"] and one["reason"] for one in over)
    assert [one["verdict"] for one in pair["history"]] == [
        "as_expected",
        "unexpected_reachable",
    ]


def test_an_engine_that_is_away_is_an_outage(demo: Running) -> None:
    """It begins, says why, ends, and is told on the stream."""
    engine = demo.engine
    with (
        serving(engine) as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client,
    ):
        service.wait_for_cycle(as_expected=24)
        with client.stream("GET", "/api/v1/stream") as stream:
            states = messages(stream, "snapshot")
            engine.kill()
            while next(states)["engine_up"]:
                pass
            (lasting,) = told(client, "outages")["outages"]
        assert told(client, "summary")["headline"]["tone"] == "doubt"
        engine.restart()
        soon(lambda: told(client, "outages")["lasting"] == 0, 20)
        (over,) = told(client, "outages")["outages"]

    assert (lasting["kind"], lasting["ended"]) == ("engine", None)
    assert lasting["reason"]
    assert over["began"] == lasting["began"]
    assert over["duration_seconds"] > 0


@pytest.mark.suites("host")
def test_no_request_asks_the_engine_or_sends_a_packet(demo: Running) -> None:
    """All that is told was known before."""
    counters = (
        "dockernet_docker_api_requests_total",
        "dockernet_probe_packets_sent_total",
    )
    with (
        serving(demo.engine, interval="60s") as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client,
    ):
        service.wait_for_cycle(trigger="start", as_expected=24)
        soon(lambda: "nftables" in active(service), 15)
        time.sleep(2)  # what a fresh container asks for has been asked
        before = [service.samples(name) for name in counters]
        for path in (*PLAIN, "openapi.json"):
            told(client, path)
        for one in told(client, "pairs")["pairs"]:
            told(client, f"pairs/{one['id']}")
        after = [service.samples(name) for name in counters]

    assert all(before)
    assert before == after
