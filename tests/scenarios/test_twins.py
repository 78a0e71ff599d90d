"""Two networks with one name, which only older engines let anybody make."""

import pytest

from tests.lab.engine import Engine
from tests.lab.exporter import run_exporter

ALWAYS_UNIQUE = (25, 0)
"""From here on the engine refuses a second network of a name."""


@pytest.mark.suites("host")
def test_networks_of_one_name_are_kept_apart(engine: Engine) -> None:
    """Containers reach each other on one of them and not across, without doubts."""
    if engine.release >= ALWAYS_UNIQUE:
        pytest.skip("this engine makes no two networks with one name")
    for number in (1, 2):
        # Connected afterwards: a container cannot be started on an ambiguous name.
        twin = engine.docker.networks.create("twin", check_duplicate=False)
        for letter in "ab":
            name = f"{letter}{number}"
            engine.docker.containers.run(
                "static:latest", ["/sleep", "2147483647"], name=name, detach=True
            )
            twin.connect(name)
            engine.docker.networks.get("bridge").disconnect(name)

    ran = run_exporter(
        "check",
        "--json",
        engine=engine.base_url,
        environment={"DOCKERNET_PROBE_GRACE_PERIOD": "0s"},
    )

    assert (0, {}) == (ran.status, ran.wrong)
    reached = {
        (pair["source"], pair["destination"])
        for pair in ran.pairs
        if (pair["scope"], pair["observed"]) == ("container", "reachable")
    }
    assert {("a1", "b1"), ("b1", "a1"), ("a2", "b2"), ("b2", "a2")} == reached
    assert 2 == len(
        {p["destination_network"] for p in ran.pairs if p["scope"] == "host"}
    )
