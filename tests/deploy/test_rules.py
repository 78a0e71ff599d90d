"""The alert rules: right for both Prometheus versions, tested, and explained."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from tests.deploy.files import DEPLOY, REPOSITORY, loaded
from tests.lab import newer
from tests.lab.fixtures import require
from tests.lab.promql import mistakes

PROMETHEUS = DEPLOY / "prometheus"
RULES = PROMETHEUS / "rules" / "dockernet.rules.yml"
TESTS = sorted((PROMETHEUS / "tests").glob("*.test.yml"))
RUNBOOK = REPOSITORY / "docs" / "runbook.md"
SEVERITIES = ("critical", "warning", "info")

Rule = Mapping[str, Any]


def rules() -> list[Rule]:
    """Return every rule, of all groups."""
    return [rule for group in loaded(RULES)["groups"] for rule in group["rules"]]


ALERTS = {cast("str", rule["alert"]): rule for rule in rules() if "alert" in rule}
RECORDED = [rule["record"] for rule in rules() if "record" in rule]


@pytest.fixture(params=["own", "newer"])
def checker(request: pytest.FixtureRequest) -> str:
    """The promtool of this machine, and that of a later release."""
    if request.param == "own":
        return cast("str", request.getfixturevalue("promtool"))
    require(newer.missing())
    return newer.tool("promtool")


def said(checker: str, *arguments: str | Path) -> str:
    """Return what promtool says; it ends well or the test fails."""
    done = subprocess.run(
        [checker, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestPromtool:
    """What Prometheus itself says, 2.42 and 3.5."""

    @pytest.mark.timeout(300)
    def test_nothing_is_to_be_said_of_the_rules(self, checker: str) -> None:
        """Every lint is on, and fatal."""
        said(checker, "check", "rules", "--lint=all", "--lint-fatal", RULES)

    @pytest.mark.timeout(300)
    def test_the_configuration_is_valid(self, checker: str) -> None:
        """With the rules that it names."""
        told = said(checker, "check", "config", PROMETHEUS / "prometheus.yml")

        assert f"{len(rules())} rules found" in told

    @pytest.mark.timeout(300)
    @pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
    def test_they_fire_when_they_must_and_only_then(
        self, checker: str, file: Path
    ) -> None:
        """By promtool's own unit tests."""
        said(checker, "test", "rules", file)


def outcomes(name: str) -> set[str]:
    """Return what the unit tests show of an alert: that it fires, that it does not.

    Not for the second of two hosts counts too, where only the first one's fires.
    """
    found: set[str] = set()
    for test in (test for file in TESTS for test in loaded(file)["tests"]):
        hosts = {host for entry in test["input_series"] for host in _hosts(entry)}
        for look in test.get("alert_rule_test", ()):
            if look["alertname"] == name:
                fired = look.get("exp_alerts") or []
                found.add("fires" if fired else "is quiet")
                if hosts - {alert["exp_labels"].get("instance") for alert in fired}:
                    found.add("is quiet")
    return found


def _hosts(entry: Mapping[str, str]) -> list[str]:
    return re.findall(r'instance="([^"]+)"', entry["series"])


@pytest.mark.parametrize("name", ALERTS)
class TestEachAlert:
    """What every one of them has."""

    def test_is_named_and_graded_as_the_others(self, name: str) -> None:
        """A prefix, one of three severities, and how long it must hold."""
        rule = ALERTS[name]

        assert re.fullmatch(r"Dockernet([A-Z][a-z]+)+", name)
        assert rule["labels"] == {"severity": rule["labels"]["severity"]}
        assert rule["labels"]["severity"] in SEVERITIES
        assert "for" in rule

    def test_says_what_and_where(self, name: str) -> None:
        """A sentence without numbers, and one with the labels."""
        notes = ALERTS[name]["annotations"]

        assert {"summary", "description", "runbook_url"} == set(notes)
        assert re.fullmatch(r"[A-Z][^{}\d]+\.", notes["summary"])
        assert "$labels.instance" in notes["description"]

    def test_is_explained_in_the_runbook(self, name: str) -> None:
        """Under its own name, with how to confirm it and what to do."""
        url = ALERTS[name]["annotations"]["runbook_url"]
        text = RUNBOOK.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]

        assert url.endswith(f"/runbook.md#{name.lower()}")
        assert "**Confirm:**" in text
        assert "**Remedy:**" in text
        assert f"*{ALERTS[name]['labels']['severity']}, " in text

    def test_fires_in_one_test_and_not_in_another(self, name: str) -> None:
        """In the same time, or on the same host."""
        assert {"fires", "is quiet"} == outcomes(name)

    def test_asks_for_what_there_is(self, name: str) -> None:
        """Metrics and labels of the catalogue, and values that they can have."""
        assert mistakes(ALERTS[name]["expr"], RECORDED) == []
