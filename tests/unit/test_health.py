"""Rules of the health check: it asks this process, whatever is served."""

import asyncio
import socket
from pathlib import Path

import pytest

from exporter.health import Health, ask


def answers(unhealthy: str | None) -> list[str]:
    """Return what is answered while a process says how it is."""

    async def main() -> list[str]:
        health = Health(lambda: unhealthy)
        try:
            return await asyncio.to_thread(ask)
        finally:
            health.close()

    return asyncio.run(main())


def test_well() -> None:
    """A word."""
    assert "healthy" in answers(None)


def test_not_well() -> None:
    """And why."""
    assert "not healthy: stalled" in answers("stalled")


def test_nobody_is_there_afterwards() -> None:
    """The name goes with the process."""
    answers(None)

    assert [] == ask()


def test_a_long_reason_is_cut() -> None:
    """Nobody has to wait until it is read."""
    assert 1024 == max(map(len, answers("x" * 100_000)))


def test_a_loop_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no good answer."""
    monkeypatch.setattr("exporter.health.TIMEOUT_S", 0.1)
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"\0dockernet-exporter.health.{namespace}.0")
        silent.listen()

        assert any(one.startswith("not healthy: no answer") for one in ask())
