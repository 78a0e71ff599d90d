"""The command line: what goes where, and with which exit status."""

import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from exporter.cli import main
from exporter.errors import (
    BusyError,
    ConfigError,
    EngineNotLocal,
    EnginePermissionDenied,
    EngineUnavailable,
    ExporterError,
    ListenError,
    NetnsPermissionDenied,
    UnknownName,
)
from exporter.model.snapshot import Snapshot
from exporter.model.topology import ContainerId, SandboxId
from exporter.report.request import CheckRequest
from tests.fakes.app import FakeApp, Run, ended
from tests.fakes.report_samples import (
    dead,
    leaking,
    only,
    snapshot,
    with_members,
)
from tests.fakes.topologies import demo

HEALTHY = snapshot(demo())
LEAKING = snapshot(demo(), leaking)
DOUBTFUL = snapshot(demo(), only("bridge1", "mybridge1", dead("bridge1")))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line as a user would, with an app of ours behind it."""
    return partial(ended, capsys, HEALTHY)


# --- exit statuses -----------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("check",), ("check", "--json")], ids=str)
@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param(HEALTHY, 0, id="healthy"),
        pytest.param(LEAKING, 1, id="violation"),
        pytest.param(DOUBTFUL, 3, id="unverified"),
    ],
)
def test_check_status(
    command: Run, found: Snapshot, status: int, arguments: tuple[str, ...]
) -> None:
    """The status is the verdict's, in whatever form the result is asked for."""
    assert status == command(*arguments, app=FakeApp(found)).status


ERRORS: list[tuple[ExporterError, int]] = [
    (ConfigError(("a.yaml:1: probe: first", "a.yaml:2: log: second")), 2),
    (ListenError("127.0.0.1:1", "in use"), 2),
    (UnknownName("network", "nope", ("none",)), 2),
    (EngineUnavailable("unix:///x", "no such file"), 3),
    (EnginePermissionDenied("/var/run/docker.sock"), 3),
    (EngineNotLocal("tcp://h", "reached by TCP"), 3),
    (NetnsPermissionDenied("/proc/1/ns/net", "CAP_SYS_PTRACE"), 3),
    (BusyError("pid 7"), 3),
]


@pytest.mark.parametrize(
    ("error", "status"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS]
)
@pytest.mark.parametrize(
    "arguments",
    [("run",), ("check",), ("explain", "bridge1", "bridge2"), ("topology",)],
    ids=lambda arguments: arguments[0],
)
def test_error(
    command: Run, arguments: tuple[str, ...], error: ExporterError, status: int
) -> None:
    """An error is a line for each problem on standard error, and nothing else."""
    found = command(*arguments, app=FakeApp(HEALTHY, error))

    assert (status, "") == (found.status, found.out)
    assert [f"error: {line}" for line in str(error).splitlines()] == [
        line for line in found.err.splitlines() if line != "half way"
    ]


def test_unexpected_error(command: Run) -> None:
    """What nobody foresaw is one line too, with how to see more."""
    found = command("check", app=FakeApp(HEALTHY, RuntimeError("a\nb")))

    assert 3 == found.status
    said = (
        r"error: unexpected RuntimeError: a\nb; "
        "DOCKERNET_DEBUG=1 shows where, please report it"
    )
    assert ["half way", said] == found.err.splitlines()


def test_debug_shows_the_traceback() -> None:
    """DOCKERNET_DEBUG=1 lets every error through."""
    with pytest.raises(RuntimeError):
        main(
            ["check"],
            app=FakeApp(HEALTHY, RuntimeError("boom")),
            environment={"DOCKERNET_DEBUG": "1"},
        )


def test_error_of_a_task_group(command: Run) -> None:
    """What ends the daemon's tasks is reported as what it is, not as a group."""
    error = ExceptionGroup("tasks", [ListenError("127.0.0.1:1", "in use")])
    found = command("run", app=FakeApp(HEALTHY, error))

    assert 2 == found.status
    assert found.err.startswith("error: cannot listen on 127.0.0.1:1")


def test_interrupt(command: Run) -> None:
    """Ctrl-C ends a command with the shell's status for it, and says nothing."""
    found = command("check", app=FakeApp(HEALTHY, KeyboardInterrupt()))

    assert (130, "", ["half way"]) == (
        found.status,
        found.out,
        found.err.split("\n")[:1],
    )
    assert "error" not in found.err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nonsense",), id="unknown command"),
        pytest.param(("policy", "tset", "f"), id="no such command of a group"),
        pytest.param(("check", "--nonsense"), id="unknown option"),
        pytest.param(("check", "--json", "--junit", "f"), id="two results"),
        pytest.param(("check", "--timeout", "nan"), id="no duration"),
        pytest.param(("check", "--timeout", "0"), id="no time at all"),
        pytest.param(("check", "--timeout", "2h"), id="more than a cycle"),
        pytest.param(("check", "--junit", "/nowhere/at/all"), id="folder not there"),
        pytest.param(("check", "--junit", "/"), id="a folder"),
        pytest.param(("explain", "bridge1"), id="one end"),
        pytest.param(("config", "check"), id="no file"),
    ],
)
def test_bad_usage(command: Run, arguments: tuple[str, ...]) -> None:
    """Bad usage is status 2, one line with where to look, and measures nothing."""
    app = FakeApp(HEALTHY)
    found = command(*arguments, app=app)

    assert (2, "", []) == (found.status, found.out, app.configs)
    assert 1 == len(found.err.splitlines())
    assert found.err.startswith("error: ")
    assert found.err.rstrip().endswith("--help")


def test_no_command(command: Run) -> None:
    """Without a command there is the help, as an error."""
    found = command()

    assert (2, "") == (found.status, found.out)
    assert "Commands:" in found.err


# --- where things go ---------------------------------------------------------------


def test_json_is_all_of_standard_output(command: Run) -> None:
    """`check --json | jq` works: progress and notices go to standard error."""
    noted = snapshot(demo(), notices=("scope host is off",))
    found = command("check", "--json", app=FakeApp(noted))

    assert 24 == len(json.loads(found.out)["pairs"])
    assert ["half way", "note: scope host is off"] == found.err.splitlines()


def test_matrix(command: Run) -> None:
    """Without a form the matrix is written, plain where it is no terminal."""
    found = command("check", app=FakeApp(LEAKING))

    assert "\x1b" not in found.out
    assert found.out.endswith("✗ Isolation is broken for 8 of 24 pairs.\n")


def test_junit_beside_the_matrix(command: Run, tmp_path: Path) -> None:
    """JUnit goes into its file, the matrix to the pipeline's log."""
    path = tmp_path / "report.xml"
    found = command("check", "--junit", str(path), app=FakeApp(LEAKING))

    assert 1 == found.status
    assert "8" == ET.parse(path).getroot().attrib["failures"]  # noqa: S314 - ours
    assert "8 violations" in found.out


def test_junit_to_standard_output(command: Run) -> None:
    """`--junit -` is XML and nothing else on standard output."""
    found = command("check", "--junit", "-")

    assert "24" == ET.fromstring(found.out).attrib["tests"]  # noqa: S314 - ours


def test_junit_that_cannot_be_written(command: Run, tmp_path: Path) -> None:
    """A file that cannot be written after all is an error, and the matrix is there."""
    path = tmp_path / "full.xml"
    path.symlink_to("/dev/full")
    found = command("check", "--junit", str(path))

    assert 2 == found.status
    assert "24 pairs are all as Docker promises." in found.out
    assert "error: cannot write" in found.err


# --- what is asked -----------------------------------------------------------------


def test_check_request(command: Run) -> None:
    """Options reach the check as they were given."""
    app = FakeApp(HEALTHY)
    command("check", app=app)
    command(
        "check",
        "--all",
        "--network",
        "a",
        "--network",
        "b",
        "--timeout",
        "300ms",
        app=app,
    )

    assert [
        CheckRequest(),
        CheckRequest(everything=True, networks=("a", "b"), timeout_s=0.3),
    ] == app.requests


# --- explain and topology ----------------------------------------------------------


def test_explain(command: Run) -> None:
    """Only what lies between the two names is probed, and decides the status."""
    app = FakeApp(LEAKING)
    found = command("explain", "bridge1", "mybridge1", "--network", "mybridge", app=app)

    assert 1 == found.status
    assert [
        CheckRequest(
            networks=("mybridge",),
            only=(SandboxId("bridge1"), ContainerId("mybridge1")),
        )
    ] == app.requests
    assert "! bridge1 → mybridge1: reachable, although isolation" in found.out
    assert 0 == command("explain", "bridge1", "bridge2", app=app).status


def test_explain_json(command: Run) -> None:
    """The same as a document."""
    found = command("explain", "bridge1", "gateway", "--json")

    assert ["gateway"] == [one["scope"] for one in json.loads(found.out)["pairs"]]


def test_explain_without_a_pair(command: Run) -> None:
    """Where there can be no pair nothing is probed, and nothing is wrong."""
    app = FakeApp(snapshot(with_members(demo(), "bridge1", "sidecar"), leaking))
    found = command("explain", "bridge1", "sidecar", app=app)

    assert (0, []) == (found.status, app.requests)
    assert "There is no pair: both have the same network stack." in found.out


def test_explain_unknown_name(command: Run) -> None:
    """An unknown name is one line with what is near, and nothing is probed."""
    app = FakeApp(HEALTHY)
    found = command("explain", "brigde1", "bridge2", app=app)

    assert (2, "", []) == (found.status, found.out, app.requests)
    assert 1 == len(found.err.splitlines())
    assert "bridge1" in found.err


def test_topology(command: Run) -> None:
    """What exists is shown, nothing is probed, and nothing is judged."""
    app = FakeApp(LEAKING)

    assert 0 == command("topology", app=app).status
    found = command("topology", "--json", app=app)
    assert ["bridge", "mybridge"] == [
        network["name"] for network in json.loads(found.out)["networks"]
    ]
    assert [] == app.requests
