"""Rules of the configuration: what is accepted, and what exactly is said otherwise.

Every line that `tests/data/config/invalid.txt` holds is a promise to operators whose
pipelines read it; a change there is a change of interface.
"""

import string
import tempfile
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Config, load
from exporter.errors import ConfigError
from exporter.model.outcome import Expected, Scope
from exporter.model.policy import PolicyEntry, Selector
from exporter.session import policy_of

DATA = Path(__file__).parents[2] / "data" / "config"
INVALID = sorted((DATA / "invalid").iterdir())
TOKENS = (
    *("probe:", " ", "\n", "- ", "interval", ": ", "[", "]", "{", "}", "&a ", "*a"),
    *("!!int ", "1e999", "0x1", "|", ">", "'", '"', "? ", "---", "web:"),
)
EXPECTED = (DATA / "invalid.txt").read_text().splitlines()


def problems(
    path: Path | None,
    environment: dict[str, str] | None = None,
    overrides: dict[str, object] | None = None,
) -> tuple[str, ...]:
    """Return what `load` complains of."""
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {}, overrides or {})
    return caught.value.problems


def outcome(path: Path) -> Config | tuple[str, ...]:
    """Return the settings of a file, or its problems."""
    try:
        return load(path, {}, {})
    except ConfigError as error:
        return error.problems


def written(tmp_path: Path, text: str) -> Path:
    """Return a file with a text."""
    path = tmp_path / "dockernet.yaml"
    path.write_text(text)
    return path


class TestInvalidFiles:
    """Each file of `invalid/` is refused with exactly these lines."""

    @pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
    def test_says_every_problem_with_its_line(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All problems come at once, each as FILE:LINE: PATH: text."""
        monkeypatch.chdir(path.parent)
        expected = [line for line in EXPECTED if line.startswith(f"{path.name}:")]

        assert expected == list(problems(Path(path.name)))

    def test_every_expected_line_belongs_to_a_file(self) -> None:
        """The list says nothing of files that are gone, and no file is left out."""
        assert {path.name for path in INVALID} == {
            line.split(":", 1)[0] for line in EXPECTED
        }

    def test_problems_come_in_order_of_lines(self) -> None:
        """A file is mended from top to bottom."""
        found = problems(DATA / "invalid" / "several-problems.yaml")
        lines = [int(line.split(":")[1]) for line in found]

        assert sorted(lines) == lines

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """A file that does not exist is a problem, not an absence of settings."""
        path = tmp_path / "missing.yaml"

        assert (f"{path}: cannot be read: No such file or directory",) == problems(path)

    def test_a_folder(self, tmp_path: Path) -> None:
        """What cannot be read is said in the system's words."""
        assert (f"{tmp_path}: cannot be read: Is a directory",) == problems(tmp_path)

    def test_a_huge_file(self, tmp_path: Path) -> None:
        """A file far larger than any configuration is not read to its end."""
        path = written(tmp_path, "# filler\n" * 200_000)

        assert (f"{path}: is larger than 1 MiB",) == problems(path)

    def test_a_hostile_file_name(self, tmp_path: Path) -> None:
        """A problem is one line, whatever the file is called."""
        path = tmp_path / "a\nb.yaml"
        path.write_text("log: 1\n")

        assert (f"{tmp_path}/a\\nb.yaml:1: log: must be a mapping, not 1",) == problems(
            path
        )

    @settings(max_examples=200)
    @given(
        text=st.text(
            alphabet=st.sampled_from(string.printable + "\x00\x85\u2028é"), max_size=60
        )
        | st.lists(st.sampled_from(TOKENS)).map("".join)
    )
    def test_any_text_is_settings_or_problems(self, text: str) -> None:
        """No file content raises anything but ConfigError."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            found = outcome(Path(file.name))

        assert isinstance(found, Config) or all("\n" not in line for line in found)


class TestValidFiles:
    """Each file of `valid/` means what it says."""

    @pytest.mark.parametrize(
        "name",
        ["empty", "comments", "marker", "empty-sections", "policy-empty"],
        ids=str,
    )
    def test_saying_nothing_is_the_defaults(self, name: str) -> None:
        """An empty file, or one of comments, changes nothing."""
        assert Config() == load(DATA / "valid" / f"{name}.yaml", {}, {})

    def test_every_valid_file_loads(self) -> None:
        """No file here is refused."""
        for path in sorted((DATA / "valid").iterdir()):
            load(path, {}, {})

    def test_durations(self) -> None:
        """A plain number is seconds; units may be combined."""
        config = load(DATA / "valid" / "durations.yaml", {}, {})

        assert (30.0, 0.5, 0.0, 5400.0) == (
            config.probe.interval,
            config.probe.timeout,
            config.probe.grace_period,
            config.discovery.resync_interval,
        )

    def test_windows_editors(self) -> None:
        """A byte order mark and CRLF do no harm."""
        assert "debug" == load(DATA / "valid" / "windows.yaml", {}, {}).log.level

    def test_container(self) -> None:
        """Paths and addresses arrive as objects."""
        config = load(DATA / "valid" / "container.yaml", {}, {})

        assert [
            (PurePosixPath("/var/run/docker"), PurePosixPath("/host/run/docker")),
            (PurePosixPath("/run/docker"), PurePosixPath("/host/run/docker")),
        ] == [(entry.source, entry.target) for entry in config.engine.path_map]
        assert PurePosixPath("/host/proc/1/ns/net") == config.engine.host_namespace
        assert (("::1", 0), ("", 10042), ("localhost", 1)) == (
            config.web.listen_addresses
        )

    def test_policy(self) -> None:
        """Each entry arrives with every key, a single text as a list of one."""
        config = load(DATA / "valid" / "policy.yaml", {}, {})

        assert (
            PolicyEntry(
                source=Selector(
                    network=("shop_*",),
                    container=("web",),
                    project=("shop",),
                    service=("web*",),
                    label=("tier=front*",),
                ),
                destination=Selector(container=("db", "db-*")),
                ip_version=4,
                expected=Expected.ISOLATED,
                reason="the shop must not see the database of billing",
                until=date(2026, 12, 31),
            ),
            PolicyEntry(
                destination=Selector(
                    network=("[[]x[!]a-z]",), label=("tier", "owner=")
                ),
                scopes=frozenset({Scope.HOST, Scope.GATEWAY, Scope.NAME}),
                expected=Expected.UNKNOWN,
            ),
            PolicyEntry(expected=Expected.REACHABLE, until=date(2026, 6, 30)),
            PolicyEntry(expected=Expected.REACHABLE),
            PolicyEntry(
                scopes=frozenset({Scope.HOST}), expected=Expected.ISOLATED, ip_version=6
            ),
        ) == policy_of(config).entries

    @pytest.mark.parametrize(
        ("key", "items"), [("", 1001), ("[0].from.container", 257)], ids=["", "globs"]
    )
    def test_a_policy_is_bounded(self, tmp_path: Path, key: str, items: int) -> None:
        """A generated list cannot keep the service busy for minutes."""
        globs = ", ".join(f"c{number}" for number in range(items))
        text = f"policy: [{{expect: ignore, from: {{container: [{globs}]}}}}]\n"
        if not key:
            text = "policy:\n" + "- expect: ignore\n" * items
        path = written(tmp_path, text)

        found = problems(path)

        most = f"policy{key}: must not have more than {items - 1} items"
        assert f"{path}:1: {most}" in found

    def test_an_alias_may_be_used(self) -> None:
        """YAML's own way to say something once works."""
        assert (
            60.0 == load(DATA / "valid" / "alias-used.yaml", {}, {}).probe.grace_period
        )

    def test_warn_is_warning(self) -> None:
        """The level is called as other exporters call it, too."""
        assert "warning" == load(DATA / "valid" / "networks.yaml", {}, {}).log.level


class TestPrecedence:
    """Command line over environment over file over default."""

    @pytest.mark.parametrize(
        ("environment", "overrides", "expected"),
        [
            pytest.param({}, {}, "warning", id="file over default"),
            pytest.param(
                {"DOCKERNET_LOG_LEVEL": "error"}, {}, "error", id="variable over file"
            ),
            pytest.param(
                {"DOCKERNET_LOG_LEVEL": "error"},
                {"log.level": "debug"},
                "debug",
                id="option over variable",
            ),
            pytest.param({}, {"log.level": None}, "warning", id="option not given"),
        ],
    )
    def test_highest_wins(
        self,
        tmp_path: Path,
        environment: dict[str, str],
        overrides: dict[str, object],
        expected: str,
    ) -> None:
        """The highest source that has a setting decides; the rest stay as they are."""
        path = written(tmp_path, "log: {level: warning, format: json}\n")

        config = load(path, environment, overrides)

        assert (expected, "json") == (config.log.level, config.log.format)

    @pytest.mark.parametrize(
        ("text", "environment", "expected"),
        [
            pytest.param("", {}, "unix:///var/run/docker.sock", id="default"),
            pytest.param(
                "", {"DOCKER_HOST": "tcp://a:1"}, "tcp://a:1", id="docker host"
            ),
            pytest.param(
                "", {"DOCKER_HOST": ""}, "unix:///var/run/docker.sock", id="empty"
            ),
            pytest.param(
                "engine: {host: 'ssh://b'}",
                {"DOCKER_HOST": "tcp://a:1"},
                "ssh://b",
                id="file over docker host",
            ),
            pytest.param(
                "engine: {host: 'ssh://b'}",
                {"DOCKER_HOST": "tcp://a:1", "DOCKERNET_ENGINE_HOST": "unix:///c"},
                "unix:///c",
                id="own variable over all",
            ),
        ],
    )
    def test_docker_host_is_the_default(
        self, tmp_path: Path, text: str, environment: dict[str, str], expected: str
    ) -> None:
        """DOCKER_HOST counts where nobody told us, and us alone, otherwise."""
        path = written(tmp_path, text)

        assert expected == load(path, environment, {}).engine.host

    @pytest.mark.parametrize(
        "address",
        ["tcp://[::1", "tcp://a:99999", "tcp://a:b", "https://a b", "unix://"],
    )
    def test_docker_host_that_is_no_address(self, address: str) -> None:
        """Said before anybody is asked."""
        (problem,) = problems(None, {"DOCKER_HOST": address})

        assert problem.startswith("DOCKER_HOST: engine.host: must be an address")
        assert problem.endswith(f"not {address!r}")

    def test_a_problem_that_is_overridden_is_still_told(self, tmp_path: Path) -> None:
        """The next start may be without the option that hides it."""
        path = written(tmp_path, "log:\n  level: loud\n")

        assert (
            f"{path}:2: log.level: must be debug, info, warning or error, not 'loud'",
        ) == problems(path, overrides={"log.level": "info"})

    def test_each_source_is_named(self, tmp_path: Path) -> None:
        """Problems of all sources come together, each with its place."""
        path = written(tmp_path, "log:\n  level: loud\n")

        assert (
            (
                "DOCKER_HOST: engine.host: must be an address that begins with one of "
                "unix://, tcp://, http://, https://, ssh://, not 'nonsense'"
            ),
            f"{path}:2: log.level: must be debug, info, warning or error, not 'loud'",
            (
                "DOCKERNET_LOG_FORMAT: log.format: must be auto, logfmt, json or "
                "console, not 'xml'"
            ),
            (
                "--web.listen-address: web.listen_addresses[0]: must be HOST:PORT, "
                "[IPV6]:PORT, :PORT or unix:PATH, not 'x'"
            ),
        ) == problems(
            path,
            {"DOCKER_HOST": "nonsense", "DOCKERNET_LOG_FORMAT": "xml"},
            {"web.listen_addresses": ("x",)},
        )

    def test_settings_of_several_sources_must_agree(self, tmp_path: Path) -> None:
        """What does not fit together is told where the higher source said it."""
        path = written(tmp_path, "probe:\n  interval: 10s\n  timeout: 1s\n")
        text = (
            "a cycle may wait four times for probe.timeout (5s), which does not fit "
            "into probe.interval (10s)"
        )

        assert (f"DOCKERNET_PROBE_TIMEOUT: probe.timeout: {text}",) == problems(
            path, {"DOCKERNET_PROBE_TIMEOUT": "5s"}
        )

    def test_four_timeouts_may_fill_the_interval(self) -> None:
        """The bound itself is allowed."""
        environment = {
            "DOCKERNET_PROBE_TIMEOUT": "500ms",
            "DOCKERNET_PROBE_INTERVAL": "2s",
        }

        assert 0.5 == load(None, environment, {}).probe.timeout
