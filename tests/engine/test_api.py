"""The JSON API and the stream of changes, beside a real engine."""

import json
import time
from collections.abc import Iterator

import httpx2 as httpx

from tests.engine.test_detection import active, flushed, leaks, soon
from tests.lab.service import serving
from tests.lab.topology import Running

SOON_S = 2.0
"""From the flush to whoever listens."""


def verdicts(response: httpx.Response) -> Iterator[dict[str, str]]:
    """Yield the changes that a stream tells of."""
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind == "verdict":
            yield json.loads(value)


def test_a_leak_is_told_at_once_and_remembered(demo: Running) -> None:
    """On the stream within two seconds; afterwards in the history of its pair."""
    with (
        serving(demo.engine, interval="60s") as service,
        httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client,
    ):
        service.wait_for_cycle(trigger="start", as_expected=24)
        soon(lambda: "nftables" in active(service), 15)
        with client.stream("GET", "/api/v1/stream") as stream:
            changes = verdicts(stream)
            began_s = time.monotonic()
            with flushed(demo.engine):
                leak = next(changes)
                took_s = time.monotonic() - began_s
                lasting = client.get("/api/v1/outages").json()["outages"]
        soon(lambda: leaks(service) == 0)
        over = client.get("/api/v1/outages").json()["outages"]
        pair = client.get(f"/api/v1/pairs/{over[0]['pair']}").json()

    assert leak["verdict"] == "unexpected_reachable"
    assert took_s < SOON_S
    assert {one["ended"] for one in lasting} == {None}
    assert len(over) == 8
    assert all(one["ended"] and one["cause"] for one in over)
    assert [one["verdict"] for one in pair["history"]] == [
        "as_expected",
        "unexpected_reachable",
    ]
