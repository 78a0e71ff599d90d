"""The parts put together for a configuration."""

import resource
from typing import Any

import pytest

from exporter.config import Config, load
from exporter.session import (
    SWEEP_TIMEOUT_S,
    InBursts,
    looks_at,
    open_session,
    sweeper_for,
)
from tests.fakes.topologies import network


def config(**values: object) -> Config:
    """Return a configuration with some settings."""
    return load(None, {}, {"engine.host": "unix:///nonexistent.sock", **values})


def test_open_files_are_not_limited_to_a_thousand() -> None:
    """Five sockets a sandbox: 200 containers would reach the usual soft limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with open_session(config()):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert hard == soft


def test_networks_are_chosen_by_glob() -> None:
    """Included, and not excluded."""
    wanted = looks_at(
        config(**{"networks.include": ("app*",), "networks.exclude": ("*_ci",)})
    )
    names = ("app", "app_ci", "bridge")

    assert [True, False, False] == [wanted(network(name)) for name in names]


def test_sweeps_probe_in_bursts_and_wait_shortly() -> None:
    """They have no time to send packets one by one."""
    asked: list[dict[str, Any]] = []

    class Recorder:
        """A prober that remembers how it was asked."""

        interfaces = identities = renew = staticmethod(lambda *_: {})

        def probe(self, _: object, **how: Any) -> tuple[()]:  # noqa: ANN401
            """Remember."""
            asked.append(how)
            return ()

    quick = InBursts(Recorder())  # type: ignore[arg-type]  # all that is asked of it
    quick.probe([], timeout_s=0.25, packets_per_second=100.0)

    assert asked == [{"timeout_s": 0.25, "packets_per_second": 100.0, "spread_s": 0}]


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("1s", (SWEEP_TIMEOUT_S, False)), ("100ms", (0.1, True))],
)
def test_sweeps_never_wait_longer_than_the_settings_say(
    configured: str, expected: tuple[float, bool]
) -> None:
    """A site that knows its silence is sooner known keeps it so.

    Where they wait less than the settings say, they blame nobody for silence.
    """
    chosen = config(**{"probe.timeout": configured})
    with open_session(chosen) as session:
        runner = sweeper_for(session, chosen)

    given = runner._settings  # noqa: SLF001 - what it was given
    assert expected == (given.timeout_s, given.decides)
