"""The benchmark's lab is what it says, and everybody agrees on it."""

import pytest

from exporter.icmp.prober import Prober
from tests.bench.contenders import compete
from tests.bench.mesh import Mesh
from tests.bench.ours import Ours
from tests.bench.reference import Reference, compiled
from tests.bench.tap import measure
from tests.lab.errors import LabUnavailable
from tests.lab.fixtures import MakePlainLab, require

pytestmark = [pytest.mark.netns, pytest.mark.timeout(60)]


def test_both_engines_see_what_the_lab_is(netns_lab: MakePlainLab) -> None:
    """Every pair of five containers on two bridges: reachable iff on the same one."""
    prober = Prober(on_gone=lambda _: None)
    prober.start()
    try:
        with compiled() as program, Mesh(containers=5, bridges=2) as mesh:
            pairs = mesh.pairs(reachable=False)
            by_ping = [
                source.namespace.run(
                    ["ping", "-c1", "-W1", str(to.address)], check=False
                ).returncode
                == 0
                for source, to in pairs
            ]
            found = compete(
                [
                    Reference(
                        program, pairs, identifier=prober.identifier, timeout_s=0.3
                    ),
                    Ours(prober, pairs=pairs, mesh=mesh, timeout_s=0.3),
                ],
                1,
                say=lambda _: None,
            )
    except LabUnavailable as refusal:
        require(str(refusal))
        return
    finally:
        prober.stop()

    assert pairs.promised() == bytes(by_ping)
    assert [(20, 0), (20, 0)] == [(one.probes, one.false) for one in found]


def test_our_times_are_those_of_a_tap(netns_lab: MakePlainLab) -> None:
    """In a burst, within 25 µs at the median on a busy machine."""
    prober = Prober(on_gone=lambda _: None)
    prober.start()
    try:
        with Mesh(containers=2, bridges=1) as mesh:
            found = measure(prober, mesh, burst=64, rounds=5)
    finally:
        prober.stop()

    assert 320 == found.probes
    assert found.median_s < 25e-6
