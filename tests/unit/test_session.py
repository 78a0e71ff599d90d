"""The parts put together for a configuration."""

import resource

from exporter.config import Config, load
from exporter.session import looks_at, open_session
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
