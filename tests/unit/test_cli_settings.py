"""How settings reach the daemon from the command line, and `config check`."""

from functools import partial
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from tests.fakes.app import FakeApp, Run, ended
from tests.fakes.report_samples import snapshot
from tests.fakes.topologies import demo

HEALTHY = snapshot(demo())


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line as a user would, with an app of ours behind it."""
    return partial(ended, capsys, HEALTHY)


def test_run_settings(command: Run, tmp_path: Path) -> None:
    """Options outweigh the environment, the environment the file."""
    app = FakeApp(HEALTHY, status=0)
    path = tmp_path / "c.yaml"
    path.write_text("log: {level: error, format: json}\nprobe: {interval: 30s}\n")
    found = command(
        "run",
        "--config.file",
        str(path),
        "--web.listen-address",
        "127.0.0.1:1",
        "--web.listen-address",
        "[::1]:2",
        "--web.telemetry-path",
        "/m",
        "--web.enable-lifecycle",
        "--log.level",
        "debug",
        app=app,
        environment={"DOCKERNET_LOG_LEVEL": "info", "DOCKERNET_PROBE_TIMEOUT": "2s"},
    )
    (config,) = app.configs

    assert 0 == found.status
    assert ["127.0.0.1:1", "[::1]:2"] == [str(a) for a in config.web.listen_addresses]
    assert ("/m", True) == (config.web.telemetry_path, config.web.enable_lifecycle)
    assert ("debug", "json") == (config.log.level, config.log.format)
    assert (30.0, 2.0) == (config.probe.interval, config.probe.timeout)


def test_run_without_options(command: Run) -> None:
    """Without options there are defaults for everything."""
    app = FakeApp(HEALTHY)
    command("run", app=app)

    assert ["127.0.0.1:10042"] == [str(a) for a in app.configs[0].web.listen_addresses]
    assert app.configs[0].web.enable_lifecycle is False


def test_run_reloads_from_the_same_places(command: Run, tmp_path: Path) -> None:
    """A reload reads the file anew, and options still outweigh it."""
    app = FakeApp(HEALTHY)
    path = tmp_path / "c.yaml"
    path.write_text("log: {level: error, format: json}\n")
    command("run", "--config.file", str(path), "--log.level", "debug", app=app)
    path.write_text("log: {level: error, format: logfmt}\n")

    assert app.reload is not None
    assert ("debug", "logfmt") == (app.reload().log.level, app.reload().log.format)
    path.write_text("nonsense: 1\n")
    with pytest.raises(ConfigError):
        app.reload()


def test_run_status(command: Run) -> None:
    """The daemon's status is the command's."""
    assert 7 == command("run", app=FakeApp(HEALTHY, status=7)).status


def test_every_problem_of_the_settings(command: Run) -> None:
    """All problems are told at once, each with what set it, before anything is done."""
    app = FakeApp(HEALTHY)
    found = command(
        "run",
        "--log.format",
        "xml",
        app=app,
        environment={"DOCKERNET_LOG_LEVEL": "loud"},
    )

    assert (2, []) == (found.status, app.configs)
    assert ["error: DOCKERNET_LOG_LEVEL", "error: --log.format"] == [
        ":".join(line.split(":")[:2]) for line in found.err.splitlines()
    ]


def test_config_check(command: Run, tmp_path: Path) -> None:
    """A good file is 0; a bad one is 2, with every problem and its line."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("probe: {interval: 30s}\n")
    bad.write_text("probe:\n  interval: never\n  speed: 9\n")

    assert (0, f"{good}: no problem found\n") == (
        command("config", "check", str(good)).status,
        command("config", "check", str(good)).out,
    )
    found = command("config", "check", str(bad))
    assert 2 == found.status
    assert [f"error: {bad}:2", f"error: {bad}:3"] == [
        ":".join(line.split(":")[:3]) for line in found.err.splitlines()
    ]


def test_config_check_of_no_file(command: Run) -> None:
    """A file that is not there is one line."""
    found = command("config", "check", "/nowhere.yaml")

    assert (2, 1) == (found.status, len(found.err.splitlines()))
