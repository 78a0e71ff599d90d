"""Where alerts go, and which of them keep quiet beside others."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest

from tests.deploy.files import DEPLOY, loaded
from tests.deploy.test_rules import ALERTS
from tests.lab import newer
from tests.lab.fixtures import require

CONFIGURATION = DEPLOY / "alertmanager" / "alertmanager.yml"
BLIND = {"DockernetExporterAbsent", "DockernetDockerDown", "DockernetProberStalled"}
VERDICTS = {
    "DockernetUnexpectedCrossNetworkConnectivity",
    "DockernetExpectedConnectivityLost",
    "DockernetIsolationUnverified",
}


@pytest.fixture(params=["own", "newer"])
def amtool(request: pytest.FixtureRequest) -> str:
    """Alertmanager's tool of this machine, and that of a later release."""
    if request.param == "newer":
        require(newer.missing())
        return newer.tool("amtool")
    found = shutil.which("amtool")
    require(None if found else "no amtool: install prometheus-alertmanager")
    return str(found)


def said(amtool: str, *arguments: str | Path) -> str:
    """Return what amtool says; it ends well or the test fails."""
    done = subprocess.run(
        [amtool, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_configuration_is_valid(amtool: str) -> None:
    """For both versions."""
    assert "SUCCESS" in said(amtool, "check-config", CONFIGURATION)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_delivered(amtool: str, name: str) -> None:
    """To the one receiver there is."""
    labels = [f"alertname={name}", "job=dockernet", "instance=a:10042"]
    arguments = [f"--config.file={CONFIGURATION}", "--verify.receivers=operator"]

    said(amtool, "config", "routes", "test", *arguments, *labels)


def test_a_leak_does_not_wait() -> None:
    """Its own route, a second; and a host's pairs come in one message."""
    route = loaded(CONFIGURATION)["route"]
    first = route["routes"][0]

    assert first["matchers"] == [f"alertname = {min(VERDICTS, key=_is_not_leak)}"]
    assert (first["group_wait"], first["group_interval"]) == ("1s", "10s")
    assert route["group_by"] == ["alertname", "job", "instance"]


def test_who_cannot_see_says_nothing_but_of_verdicts() -> None:
    """Each of the three keeps all others of its host quiet, and only those."""
    rule = loaded(CONFIGURATION)["inhibit_rules"][0]

    assert {name for name in ALERTS if matches(rule["source_matchers"], name)} == BLIND
    quiet = {name for name in ALERTS if matches(rule["target_matchers"], name)}
    assert quiet == ALERTS.keys() - BLIND - VERDICTS
    assert rule["equal"] == ["job", "instance"]


def matches(matchers: list[str], name: str) -> bool:
    """Return whether matchers on the alert's name, as in the file, fit a name."""
    for matcher in matchers:
        found = re.fullmatch(r'alertname (=~|!~|=) "?([^"]+)"?', matcher)
        assert found is not None, matcher
        fits = re.fullmatch(cast("str", found[2]), name) is not None
        if fits == (found[1] == "!~"):
            return False
    return True


def _is_not_leak(name: str) -> bool:
    return "Unexpected" not in name
