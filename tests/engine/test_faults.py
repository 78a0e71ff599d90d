"""Faults on real engines: what `check` says of them, and that it ends with them.

What cannot be told is `unverified`: the silence of an end that is known to be dead
never counts as isolation. Everything that a fault does not touch stays as expected, and
so is all when it is gone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.engine import faults
from tests.engine.faults import FIRST, SECOND, Fault
from tests.lab.exporter import Ran, run_exporter
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import ContainerSpec, Running, demo_topology

ALL = 24
"""Pairs of the demo."""
SOON = ("--timeout", "200ms")
"""The answers of one machine take below 1 ms, and silence is waited for often here."""
ACROSS = frozenset(
    f"container {source} {destination}"
    for mine in (FIRST, SECOND)
    for other in ("bridge1", "bridge2")
    for source, destination in ((mine, other), (other, mine))
)
"""The eight pairs between the two bridges."""


@pytest.fixture(scope="module")
def demo(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """The demo, once for all tests of this module: each undoes what it did.

    That all is right again then shows in the next test, as every one knows the
    verdicts of all pairs, and after the last one here.
    """
    with demo_topology(engine_pool.shared(engine_suite)) as running:
        yield running
        ran = check(running)
        assert {} == ran.wrong
        assert (0, {"as_expected": ALL}) == (ran.status, ran.summary)
    engine_pool.settle()


def run(demo: Running, *arguments: str, grace: str = "0s") -> Ran:
    """Run a command on the demo; its containers count as old enough to answer."""
    return run_exporter(
        *arguments,
        engine=demo.engine.base_url,
        environment={"DOCKERNET_PROBE_GRACE_PERIOD": grace},
    )


def check(demo: Running) -> Ran:
    """Run `check --json` on the demo."""
    return run(demo, "check", "--json", *SOON)


def promised(*names: str) -> frozenset[str]:
    """Return the promised pairs from and to some containers of mybridge."""
    return frozenset(
        pair
        for name in names
        for other in {FIRST, SECOND} - {name}
        for pair in (
            f"host host {name}",
            f"gateway {name} gateway",
            f"container {name} {other}",
            f"container {other} {name}",
        )
    )


def across(name: str, *, source: bool = True, destination: bool = True) -> set[str]:
    """Return the pairs of a container of mybridge with the other bridge.

    Args:
        name: the container.
        source: those from it.
        destination: those to it.
    """
    return {
        pair
        for pair in ACROSS
        if (source and pair.split()[1] == name)
        or (destination and pair.split()[2] == name)
    }


@dataclass(frozen=True, slots=True)
class Says:
    """What `check` is to say of a fault; all other pairs are as expected."""

    broken: frozenset[str] | set[str] = frozenset()
    """Promised and unreachable."""
    unverified: frozenset[str] | set[str] = frozenset()
    result: tuple[str, str] | None = None
    """A pair and its particular outcome."""


SILENCES = [
    pytest.param(
        faults.link_down,
        Says(
            promised(FIRST),
            across(FIRST),
            result=(f"container {FIRST} {SECOND}", "no_route"),
        ),
        id="container's link down",
    ),
    pytest.param(
        faults.bridge_down,
        Says(
            promised(FIRST, SECOND),
            ACROSS,
            result=(f"host host {SECOND}", "wrong_route"),
        ),
        id="bridge down",
    ),
    pytest.param(
        faults.port_lost, Says(promised(FIRST), across(FIRST)), id="veth off its bridge"
    ),
    pytest.param(
        faults.address_deleted,
        Says(promised(FIRST), across(FIRST)),
        id="address deleted",
    ),
    pytest.param(
        faults.address_changed,
        Says(
            {f"host host {FIRST}", f"container {SECOND} {FIRST}"},
            across(FIRST, source=False),
        ),
        id="address changed",
    ),
    pytest.param(
        faults.blackhole,
        Says(
            {f"container {FIRST} {SECOND}", f"container {SECOND} {FIRST}"},
            result=(f"container {FIRST} {SECOND}", "refused_by_kernel"),
        ),
        id="blackhole route",
    ),
    pytest.param(
        faults.default_route_lost,
        Says(
            unverified=across(FIRST, destination=False),
            result=(f"container {FIRST} bridge1", "no_route"),
        ),
        id="default route lost",
    ),
    pytest.param(
        faults.route_clash,
        Says(
            {f"host host {FIRST}", f"gateway {FIRST} gateway"},
            result=(f"host host {FIRST}", "wrong_route"),
        ),
        id="host's route clashes",
    ),
    pytest.param(
        faults.host_requests_dropped,
        Says({f"host host {FIRST}", f"host host {SECOND}"}),
        id="host's echo requests dropped",
    ),
    pytest.param(
        faults.own_requests_dropped,
        Says(
            {f"gateway {FIRST} gateway", f"container {FIRST} {SECOND}"},
            across(FIRST, destination=False),
        ),
        id="container's echo requests dropped",
    ),
    pytest.param(
        faults.others_requests_dropped,
        Says(
            {f"host host {FIRST}", f"container {SECOND} {FIRST}"},
            across(FIRST, source=False),
        ),
        id="echo requests to the container dropped",
    ),
    pytest.param(
        faults.requests_ignored,
        Says(
            unverified={
                f"host host {FIRST}",
                f"container {SECOND} {FIRST}",
                *across(FIRST, source=False),
            },
            result=(f"host host {FIRST}", "icmp_ignored"),
        ),
        id="echo requests ignored",
    ),
]


def counts_of(report: Path) -> tuple[str | None, ...]:
    """Return how many cases a JUnit file has, how many failures and errors."""
    root = ET.fromstring(report.read_text())  # noqa: S314 - our own file
    return tuple(root.get(name) for name in ("tests", "failures", "errors"))


class TestSilence:
    """Something that should answer does not."""

    @pytest.mark.parametrize(("fault", "says"), SILENCES)
    def test_is_told_from_isolation(
        self, demo: Running, fault: Fault, says: Says
    ) -> None:
        """A promised pair is broken; what rests on a dead end is unverified, and why.

        Exit status 1 with a broken promise, 3 with nothing but doubts.
        """
        with fault(demo):
            ran = check(demo)

        expected = {
            "unexpected_unreachable": says.broken,
            "unverified": says.unverified,
        }
        assert {v: pairs for v, pairs in expected.items() if pairs} == ran.wrong
        assert ALL == sum(ran.summary.values())
        assert (1 if says.broken else 3) == ran.status
        doubts = [pair for pair in ran.pairs if pair["verdict"] == "unverified"]
        assert all(pair["reason"] for pair in doubts)
        if says.result is not None:
            assert says.result in ran.results.items()

    def test_is_named_in_the_text(self, demo: Running, tmp_path: Path) -> None:
        """The matrix shows it, and each pair stands below it by name.

        For pipelines each is a failure, or an error where it could not be told.
        """
        file = tmp_path / "report.xml"
        with faults.link_down(demo):
            ran = run(demo, "check", *SOON, "--junit", str(file))

        assert ("24", "4", "4") == counts_of(file)
        broken = ran.out.partition("4 violations")[2]
        assert 1 == ran.status
        assert ["mybridge1", "?", "?", "✗"] in [line.split() for line in ran.lines]
        for pair in (
            f"host → {FIRST}",
            f"{FIRST} → gateway",
            f"{FIRST} → {SECOND}",
            f"{SECOND} → {FIRST}",
        ):
            assert re.search(rf"\b{pair}\b", broken), broken
        assert "4 unverified pairs" in ran.out
        assert "Connections are broken for 4 of 20 pairs" in " ".join(ran.lines[-2:])

    @pytest.mark.suites("host")
    def test_of_the_young_is_waited_for(self, demo: Running) -> None:
        """It says so, and a container silent beyond its grace period is a fault."""
        demo.add(ContainerSpec(name="late"))
        try:
            demo.engine.run_in_container("late", ["ip", "link", "set", "eth0", "down"])
            ran = run(demo, "check", "--json", *SOON, grace="3s")
        finally:
            demo.drop("late")

        assert "waiting 3 s: a container that has just started" in ran.err
        assert 1 == ran.status
        assert {
            "host host late",
            "gateway late gateway",
            *(f"container late bridge{n}" for n in (1, 2)),
            *(f"container bridge{n} late" for n in (1, 2)),
        } == ran.wrong["unexpected_unreachable"]


LEAKS = [
    pytest.param(faults.isolation_flushed, (28, 0), id="isolation chain flushed"),
    pytest.param(faults.user_accepts, (28, 0), id="DOCKER-USER accepts"),
    pytest.param(
        faults.user_accepts_and_raw_flushed,
        (1000, 0),
        id="DOCKER-USER accepts, raw table flushed",
    ),
]


@pytest.mark.every_engine
class TestLeak:
    """Something answers that should not."""

    @pytest.mark.parametrize(("fault", "harmless_from"), LEAKS)
    def test_is_named(
        self, demo: Running, fault: Fault, harmless_from: tuple[int, int]
    ) -> None:
        """All eight pairs across the bridges in JSON, exit status 1.

        From engine 28 on, isolation stands in three places: one of them gone shows
        nothing, as nothing gets through.
        """
        with fault(demo):
            ran = check(demo)

        if demo.engine.release >= harmless_from:
            assert (0, {}) == (ran.status, ran.wrong)
        else:
            assert (1, {"unexpected_reachable": ACROSS}) == (ran.status, ran.wrong)

    def test_is_named_in_the_text(self, demo: Running, tmp_path: Path) -> None:
        """All eight pairs with the address that answered; for pipelines too."""
        file = tmp_path / "report.xml"
        with faults.user_accepts_and_raw_flushed(demo):
            ran = run(demo, "check", *SOON, "--junit", str(file))

        assert ("24", "8", "0") == counts_of(file)
        said = re.findall(r"^ +(\w+) → (\w+) +([\d.]+) +\S+ µs$", ran.out, re.MULTILINE)
        assert 1 == ran.status
        assert ACROSS == {f"container {one} {two}" for one, two, _ in said}
        assert {
            demo.address(name, "mybridge" if name.startswith("my") else "bridge")
            for name in (FIRST, SECOND, "bridge1", "bridge2")
        } == {address for _, _, address in said}
        assert "✗ Isolation is broken for 8 of 24 pairs." == ran.lines[-1]
