"""Rules of the environment: DOCKERNET_SECTION_KEY."""

import pytest

from exporter.config import Config, ListenAddress, load
from exporter.errors import ConfigError
from exporter.model.outcome import Scope


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    """Return what `load` complains of."""
    with pytest.raises(ConfigError) as caught:
        load(None, environment, {})
    return caught.value.problems


class TestEnvironment:
    """DOCKERNET_SECTION_KEY."""

    def test_every_kind(self) -> None:
        """Durations, numbers, flags, words, lists and pairs have a spelling."""
        config = load(
            None,
            {
                "DOCKERNET_PROBE_INTERVAL": "1m",
                "DOCKERNET_PROBE_PACKETS": "2",
                "DOCKERNET_PROBE_SCOPES": "host, name",
                "DOCKERNET_WEB_ENABLE_LIFECYCLE": "True",
                "DOCKERNET_WEB_LISTEN_ADDRESSES": "127.0.0.1:1,[::1]:2",
                "DOCKERNET_LOG_FORMAT": "json",
                "DOCKERNET_ENGINE_PATH_MAP": "/a=/b,/c=/d",
            },
            {},
        )

        assert 60.0 == config.probe.interval
        assert 2 == config.probe.packets
        assert (Scope.HOST, Scope.NAME) == config.probe.scopes
        assert config.web.enable_lifecycle
        assert (
            ListenAddress("127.0.0.1", 1),
            ListenAddress("::1", 2),
        ) == config.web.listen_addresses
        assert "json" == config.log.format
        assert [("/a", "/b"), ("/c", "/d")] == [
            (str(entry.source), str(entry.target)) for entry in config.engine.path_map
        ]

    def test_empty_is_not_set(self) -> None:
        """Compose writes an empty variable for one that is not set."""
        assert Config() == load(
            None, {"DOCKERNET_LOG_LEVEL": "", "DOCKERNET_PROBE_PACKETS": " "}, {}
        )

    def test_the_policy_is_no_variable(self) -> None:
        """It is a list with an order, and stands in the file only."""
        assert (
            "DOCKERNET_POLICY: no such setting; the policy stands in the file only",
        ) == problems({"DOCKERNET_POLICY": "x"})

    def test_problems_name_the_variable(self) -> None:
        """A variable is its own place."""
        assert (
            (
                "DOCKERNET_ENGINE_PATH_MAP: engine.path_map[1].to: must be an absolute "
                "path without '..', not ''"
            ),
            "DOCKERNET_PROBE_PACKETS: probe.packets: must be a whole number, not '1.5'",
            (
                "DOCKERNET_PROBE_CONFIRM_PACKETS: probe.confirm_packets: must be at "
                "most 100, not 999999999999999999"
            ),
            (
                "DOCKERNET_WEB_ENABLE_LIFECYCLE: web.enable_lifecycle: must be true or "
                "false, not 'yes'"
            ),
        ) == problems(
            {
                "DOCKERNET_PROBE_PACKETS": "1.5",
                "DOCKERNET_PROBE_CONFIRM_PACKETS": "9" * 18,
                "DOCKERNET_WEB_ENABLE_LIFECYCLE": "yes",
                "DOCKERNET_ENGINE_PATH_MAP": "/a=/b,/c",
            },
        )

    def test_a_typo_is_a_problem(self) -> None:
        """A variable that was meant for us and is none of ours is not ignored."""
        assert (
            (
                "DOCKERNET_PROBE_INTERVALL: no such setting; did you mean "
                "DOCKERNET_PROBE_INTERVAL?"
            ),
            "DOCKERNET_WEB_COLOUR: no such setting",
        ) == problems(
            {"DOCKERNET_PROBE_INTERVALL": "1s", "DOCKERNET_WEB_COLOUR": "red"}
        )

    def test_variables_of_links_are_left_alone(self) -> None:
        """Docker's links and Kubernetes' services invent variables with our name."""
        assert Config() == load(
            None,
            {
                "DOCKERNET_PORT": "tcp://10.0.0.1:10042",
                "DOCKERNET_NAME": "/a/dockernet",
                "DOCKERNET_EXPORTER_SERVICE_HOST": "10.0.0.1",
                "DOCKERNET_EXPORTER_PORT_10042_TCP_PROTO": "tcp",
            },
            {},
        )
