"""HTTP over a Unix socket, and nothing left open."""

import gc
from pathlib import Path

import pytest
import requests

from exporter.engine.unixsocket import UnixAdapter
from tests.fakes.engine_socket import EngineSocket


def session(path: Path) -> requests.Session:
    """Return a session that speaks to a socket."""
    found = requests.Session()
    found.mount("http+docker://", UnixAdapter(str(path)))
    return found


def open_descriptors() -> int:
    """Return how many files this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_asks_at_the_socket(tmp_path: Path) -> None:
    """Path and query as given; one connection serves many requests."""
    with EngineSocket(tmp_path) as server, session(server.path) as asking:
        before = open_descriptors()
        for _ in range(5):
            answer = asking.get("http+docker://localhost/version", params={"a": "b"})
            assert "1.41" == answer.json()["ApiVersion"]
        assert before + 2 >= open_descriptors()  # ours and the server's

    assert {"GET /version?a=b"} == set(server.requests)


def test_a_failed_attempt_leaves_nothing_open(tmp_path: Path) -> None:
    """Not even while its error is kept (a socket collected unclosed fails the test)."""
    errors = []
    before = open_descriptors()

    with session(tmp_path / "none.sock") as asking:
        for _ in range(5):
            with pytest.raises(requests.ConnectionError) as caught:
                asking.get("http+docker://localhost/version")
            errors.append(caught.value)
        assert before == open_descriptors()


def test_a_timeout_holds(tmp_path: Path) -> None:
    """Reading is limited by the request's timeout."""
    with EngineSocket(tmp_path) as server, session(server.path) as asking:
        server.script["/slow"] = lambda to: to.begin_chunks()
        answer = asking.get("http+docker://localhost/slow", stream=True, timeout=0.05)
        with pytest.raises(requests.ConnectionError, match="timed out"):
            answer.json()
