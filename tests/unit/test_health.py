"""Rules of the health check: it asks this process, whatever is served."""

import asyncio
import os
import socket
import subprocess
import sys
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


def test_a_name_that_is_taken() -> None:
    """It keeps this process from being asked, not from working."""
    namespace = Path("/proc/self/ns/pid").stat().st_ino

    async def main() -> None:
        Health(lambda: None).close()

    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(f"\0dockernet-exporter.health.{namespace}.{os.getpid()}")
        asyncio.run(main())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_somebody_else_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another user says under our name does not count."""
    monkeypatch.setattr("exporter.health.TIMEOUT_S", 0.1)
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    program = (
        "import os, socket, sys\nos.setuid(65534)\n"
        "one = socket.socket(socket.AF_UNIX)\n"
        f"one.bind('\\0dockernet-exporter.health.{namespace}.other')\n"
        "one.listen()\nprint(flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert b"\n" == other.stdout.readline()
        found = ask()
        other.communicate()

    assert [] == [one for one in found if "no answer" in one]
