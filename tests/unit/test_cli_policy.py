"""The command `policy test`: what each entry says, decides and why it does not."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from exporter.errors import EngineUnavailable
from exporter.model.snapshot import Snapshot
from exporter.model.topology import EngineInfo, HostNetwork, Topology
from tests.fakes.app import FakeApp, Run, ended
from tests.fakes.policies import labelled
from tests.fakes.report_samples import crowd, snapshot
from tests.fakes.topologies import demo

GOLDEN = Path(__file__).parents[1] / "golden"
HEALTHY = snapshot(demo())
"""Of 2026-01-01."""
NO_RUNNING = "no running container fits"
POLICY = """\
policy:
  - from: {network: bridge}
    to: {container: ["mybridge1", "foo*"]}
    expect: reachable
    reason: we know of that leak
    until: 2026-01-01
  - from: {container: bridge1}
    to: {container: bridge2}
    expect: isolated
    ip_version: 4
  - from: {container: "bridge*"}
    to: {network: mybridge, container: mybridge1}
    expect: isolated
  - to: {network: "ci_*", container: imhost}
    scope: [container, host]
    expect: ignore
  - to: {network: "my*"}
    scope: [container, host, name, gateway]
    expect: ignore
    until: 2025-12-31
  - scope: [host, gateway, name]
    expect: reachable
"""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line as a user would, with an app of ours behind it."""
    return partial(ended, capsys, HEALTHY)


def written(folder: Path, policy: str) -> str:
    """Return the path of a file with a configuration."""
    file = folder / "dockernet.yaml"
    file.write_text(policy)
    return str(file)


@pytest.mark.parametrize(
    ("name", "options"), [("policy-test.txt", ()), ("policy-test.json", ("--json",))]
)
def test_golden(
    command: Run,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    *,
    update_golden: bool,
) -> None:
    """Every entry in order, as text and as JSON."""
    found = command("policy", "test", *options, written(tmp_path, POLICY))
    if update_golden:
        (GOLDEN / name).write_text(found.out)

    assert 0 == found.status
    assert (GOLDEN / name).read_text() == found.out


def test_json_is_json_and_notices_stand_beside_it(command: Run, tmp_path: Path) -> None:
    """A program reads the document; a person the other channel."""
    found = command("policy", "test", "--json", written(tmp_path, POLICY))
    value = json.loads(found.out)

    notice = "policy entry 5 was in force until 2025-12-31 and decides nothing any more"
    assert f"note: {notice}\n" == found.err
    assert [notice] == value["notices"]
    assert [2, 1, 0, 0, 0, 12] == [len(one["pairs"]) for one in value["entries"]]


def test_a_bad_file_is_refused_before_the_engine_is_asked(
    command: Run, tmp_path: Path
) -> None:
    """Every problem with its line, on standard error."""
    app = FakeApp(HEALTHY)
    file = written(tmp_path, "policy:\n  - {expect: deny}\n  - {}\n")
    found = command("policy", "test", file, app=app)

    assert (2, "", []) == (found.status, found.out, app.configs)
    wanted = "must be reachable, isolated or ignore, not 'deny'"
    assert [
        f"error: {file}:2: policy[0].expect: {wanted}",
        f"error: {file}:3: policy[1].expect: is missing",
    ] == found.err.splitlines()


def test_without_an_engine(command: Run, tmp_path: Path) -> None:
    """It could not be shown."""
    away = FakeApp(HEALTHY, EngineUnavailable("unix:///x", "no such file"))
    found = command("policy", "test", written(tmp_path, POLICY), app=away)

    assert (3, "") == (found.status, found.out)


def test_nothing_is_probed(command: Run, tmp_path: Path) -> None:
    """The engine is asked, no check is made."""
    app = FakeApp(HEALTHY)
    command("policy", "test", written(tmp_path, POLICY), app=app)

    assert [] == app.requests
    assert 1 == len(app.configs)


@pytest.mark.parametrize(
    ("text", "environment", "host"),
    [
        ("", {"DOCKER_HOST": "unix:///a"}, "unix:///a"),
        ("engine: {host: 'unix:///b'}\n", {"DOCKER_HOST": "unix:///a"}, "unix:///b"),
    ],
)
def test_engine(
    command: Run, tmp_path: Path, text: str, environment: dict[str, str], host: str
) -> None:
    """The file's engine, else DOCKER_HOST."""
    app = FakeApp(HEALTHY)
    file = written(tmp_path, text)
    found = command("policy", "test", file, app=app, environment=environment)

    assert [host] == [config.engine.host for config in app.configs]
    assert "The policy has no entry.\n" == found.out


def why(command: Run, folder: Path, policy: str, found: Snapshot) -> list[str | None]:
    """Return why each entry decides nothing."""
    ran = command(
        "policy", "test", "--json", written(folder, policy), app=FakeApp(found)
    )
    return [one["why_none"] for one in json.loads(ran.out)["entries"]]


def entries(*lines: str) -> str:
    """Return a policy of entries in flow style."""
    return "policy:\n" + "".join(f"  - {{{line}, expect: ignore}}\n" for line in lines)


def left_alone(found: Topology, name: str) -> Topology:
    """Return a topology in which one container opts out."""
    return replace(
        found,
        containers=tuple(
            labelled(one, dockernet_ignore="") if one.id == name else one
            for one in found.containers
        ),
    )


class TestWhyNone:
    """What is known of an entry that decides nothing."""

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("from: {network: [a, b]}", "from: there is no network a or b"),
            (
                "to: {network: nope, container: nobody}",
                f"to: there is no network nope; to: {NO_RUNNING} container nobody",
            ),
            (
                "from: {project: shop, label: tier}",
                f"from: {NO_RUNNING} project shop; from: {NO_RUNNING} label tier",
            ),
            (
                "from: {container: imhost}",
                "from: what fits is on the host's network, and so is the host",
            ),
            (
                "from: {container: bridge1}, to: {container: bridge1}",
                "no pair goes from what fits `from` to what fits `to`",
            ),
        ],
    )
    def test_nothing_fits(
        self, command: Run, tmp_path: Path, line: str, reason: str
    ) -> None:
        """It names what is not there."""
        assert [reason] == why(command, tmp_path, entries(line), HEALTHY)

    def test_no_container_fits_all(self, command: Run, tmp_path: Path) -> None:
        """Where each key fits somebody but nobody all of them."""
        found = replace(
            demo(),
            containers=tuple(
                replace(one, project="shop") if one.id == "bridge1" else one
                for one in demo().containers
            ),
        )
        line = "from: {project: shop, container: bridge2}"

        assert [
            "from: no running container fits container bridge2, project shop"
        ] == why(command, tmp_path, entries(line), snapshot(found))

    def test_earlier_entries(self, command: Run, tmp_path: Path) -> None:
        """Each that took some, with how many."""
        policy = entries(
            "from: {container: bridge1}",
            "from: {container: 'my*'}, to: {container: bridge1}",
            "from: {container: '*'}, to: {container: '*'}",
            "from: {container: ['mybridge1', 'bridge1']}, to: {container: bridge1}",
            "from: {container: ['mybridge1', 'bridge1']}, to: {container: 'bridge*'}",
        )

        assert [
            None,
            None,
            None,
            "entry 2 decides 1 pair that it fits",
            "; ".join(f"entry {n} decides 1 pair that it fits" for n in (1, 2, 3)),
        ] == why(command, tmp_path, policy, HEALTHY)

    def test_a_label(self, command: Run, tmp_path: Path) -> None:
        """What has opted out is nobody's."""
        found = snapshot(left_alone(demo(), "bridge1"))
        policy = entries("from: {container: bridge1}, to: {container: bridge2}")

        assert ["a label takes out 1 pair that it fits"] == why(
            command, tmp_path, policy, found
        )
        ran = command("policy", "test", written(tmp_path, policy), app=FakeApp(found))
        assert "left alone (dockernet.ignore): bridge1\n" in ran.out

    def test_scopes_and_networks_that_are_not_looked_at(
        self, command: Run, tmp_path: Path
    ) -> None:
        """By the same file."""
        policy = (
            entries("scope: name", "to: {network: mybridge}")
            + "probe: {scopes: [container, host, gateway]}\n"
            + "networks: {exclude: [mybridge]}\n"
        )

        assert [
            "none of its scopes is probed (probe.scopes)",
            "to: networks.include and networks.exclude leave out what fits",
        ] == why(command, tmp_path, policy, HEALTHY)

    def test_no_host(self, command: Run, tmp_path: Path) -> None:
        """Scope host needs the engine's namespace."""
        host = HostNetwork(available=False, source="no namespace holds the bridges")
        found = snapshot(replace(demo(), host=host))

        assert ["scope host is off: no namespace holds the bridges"] == why(
            command, tmp_path, entries("scope: host"), found
        )

    def test_nothing_at_all(self, command: Run, tmp_path: Path) -> None:
        """An engine without containers."""
        empty = Topology(
            engine=EngineInfo(version="28.5.2", api_version="1.51"),
            host=HostNetwork(available=True, source="own"),
        )

        assert ["no pair goes from what fits `from` to what fits `to`"] == why(
            command, tmp_path, entries("scope: container"), snapshot(empty)
        )


def test_many_pairs_are_gathered_and_cut(command: Run, tmp_path: Path) -> None:
    """The text stays readable; how many more there are is said."""
    found = snapshot(crowd({"one": 12, "two": 12}))
    policy = entries("scope: container")
    ran = command("policy", "test", written(tmp_path, policy), app=FakeApp(found))

    assert "    and 352 pairs more; --json has all\n" in ran.out
    assert len(ran.out.splitlines()) < 60
