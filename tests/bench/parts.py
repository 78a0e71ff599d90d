"""The parts of `make bench`: each makes its labs, measures, and returns a section."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.icmp.prober import Prober
from tests.bench.busy import all_cores_busy
from tests.bench.contenders import Contender, Standing, compete
from tests.bench.docker_exec import DockerExec
from tests.bench.mesh import Mesh
from tests.bench.ours import Ours
from tests.bench.pages import surroundings, table
from tests.bench.reference import Reference, compiled
from tests.bench.tap import measure
from tests.bench.tools import Blackbox, FpingEach, PingEach, missing
from tests.bench.whole import Whole
from tests.lab.errors import LabUnavailable

_PROBES_A_TURN: Final = 20_000
"""At least, where that takes no more than so many rounds: small meshes are probed again
and again in a turn, and where some pairs are silent each round waits for them."""
_MOST_ROUNDS: Final = 200
_MOST_WAITING: Final = 10

_LATE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all parts share."""

    prober: Prober
    reference: Path
    repeat: int
    largest: int
    """Containers; larger labs are left out."""


Part = Callable[[Setting], str]


@contextlib.contextmanager
def setting(*, repeat: int, largest: int) -> Iterator[Setting]:
    """Compile the reference and start the prober.

    Raises:
        LabUnavailable: there is no C compiler.
    """
    prober = Prober(on_gone=lambda _: None)
    with compiled() as reference:
        prober.start()
        try:
            yield Setting(
                prober=prober, reference=reference, repeat=repeat, largest=largest
            )
        finally:
            prober.stop()


def limit(setting: Setting) -> str:
    """Reachable pairs of 100 containers on two bridges."""
    with Mesh(containers=100, bridges=2) as mesh:
        standings = compete(_both(setting, mesh, reachable=True), setting.repeat)
    return _standings(standings, setting)


def exhaustive(setting: Setting) -> str:
    """All pairs of 200 containers on four bridges, quiet and with all cores busy."""
    with Mesh(containers=200, bridges=4) as mesh:
        both = _both(setting, mesh, reachable=False, rounds=1)
        quiet = compete(both, setting.repeat)
        with all_cores_busy():
            busy = compete(both, setting.repeat)
    sections = (
        _standings(quiet, setting),
        "All cores busy:",
        _standings(busy, setting),
    )
    return "\n\n".join(sections)


def thousand(setting: Setting) -> str:
    """All pairs of 1000 containers on twenty bridges."""
    with Mesh(containers=1000, bridges=20) as mesh:
        both = _both(setting, mesh, reachable=False, rounds=1)
        whole = Whole(setting.prober, mesh, timeout_s=_LATE_S)
        standings = compete([*both, whole], setting.repeat)
    section = _standings(standings, setting)
    mib = whole.resident_bytes / 2**20
    return f"{section}\n\nResident at most: {mib:.0f} MiB, lab included."


def tools(setting: Setting) -> str:
    """Other tools, over the same mesh; `docker exec` on a real engine."""
    left_out = [
        reason for tool in ("ping", "fping", "blackbox") if (reason := missing(tool))
    ]
    with Mesh(containers=100, bridges=2) as mesh, ExitStack() as started:
        pairs = mesh.pairs(reachable=True)
        contenders = _both(setting, mesh, reachable=True)
        if missing("fping") is None:
            contenders.append(FpingEach(mesh, pairs))
        if missing("blackbox") is None:
            contenders.append(started.enter_context(Blackbox(pairs)))
        if missing("ping") is None:
            contenders.append(PingEach(pairs))
        try:
            contenders.append(started.enter_context(DockerExec()))
        except LabUnavailable as refusal:
            left_out.append(str(refusal))
        standings = compete(contenders, setting.repeat)
    ours = next(one for one in standings if one.name == Ours.name)
    rows = [
        [
            one.name,
            f"{one.us:,.1f}",
            f"{one.per_cpu_s:,.0f}",
            f"{one.us / ours.us:,.1f}",
            f"{one.false} of {one.probes:,}",
        ]
        for one in standings
    ]
    head = [
        "",
        "µs of CPU a probe",
        "probes a CPU-second",
        "times this engine",
        "false",
    ]
    notes = [f"Left out: {reason}" for reason in left_out]
    return "\n\n".join([table(head, rows), *notes, _how(setting)])


def rtt(setting: Setting) -> str:
    """Round-trip times against a packet tap."""
    with Mesh(containers=2, bridges=1) as mesh:
        found = [
            measure(setting.prober, mesh, burst=burst, rounds=rounds)
            for burst, rounds in ((64, 40), (5000, setting.repeat))
        ]
    rows = [
        [
            str(one.burst),
            f"{one.truth_s * 1e6:.1f}",
            f"{one.median_s * 1e6:.1f}",
            f"{one.p95_s * 1e6:.1f}",
            f"{one.probes:,}",
        ]
        for one in found
    ]
    head = ["packets in a burst", "tap's median, µs", "error, µs", "95 %", "probes"]
    return f"{table(head, rows)}\n\n{_how(setting)}"


def growth(setting: Setting) -> str:
    """How the cost of a probe grows with the number of containers."""
    rows = []
    for containers, bridges in _SIZES:
        if containers > setting.largest:
            continue
        with Mesh(containers=containers, bridges=bridges) as mesh:
            for reachable in (True, False):
                pairs = mesh.pairs(reachable=reachable)
                # A million pairs have a part of their own.
                if len(pairs) > 300_000:
                    continue
                print(f" {containers} containers, {len(pairs)} pairs")
                both = _both(setting, mesh, reachable=reachable)
                reference, ours = compete(both, setting.repeat)
                kind = "reachable" if reachable else "all"
                rows.append(
                    [
                        f"{containers} on {bridges}, {kind}",
                        f"{len(pairs):,}",
                        f"{reference.us:.1f}",
                        f"{ours.us:.1f}",
                        f"{1 / ours.times_limit:.2f}",
                        str(ours.false),
                    ]
                )
    head = ["containers, pairs", "pairs", "limit, µs", "µs", "of the limit", "false"]
    return f"{table(head, rows)}\n\n{_how(setting)}"


_SIZES: Final = ((10, 2), (50, 2), (100, 2), (200, 4), (500, 10), (1000, 20))

PARTS: Final[dict[str, Part]] = {
    "limit": limit,
    "exhaustive": exhaustive,
    "thousand": thousand,
    "tools": tools,
    "rtt": rtt,
    "growth": growth,
}


def _both(
    setting: Setting, mesh: Mesh, *, reachable: bool, rounds: int | None = None
) -> list[Contender]:
    pairs = mesh.pairs(reachable=reachable)
    if rounds is None:
        most = _MOST_ROUNDS if reachable else _MOST_WAITING
        rounds = min(most, -(-_PROBES_A_TURN // len(pairs)))
    return [
        Reference(
            setting.reference,
            pairs,
            identifier=setting.prober.identifier,
            rounds=rounds,
            timeout_s=_LATE_S,
        ),
        Ours(setting.prober, mesh, pairs, rounds=rounds, timeout_s=_LATE_S),
    ]


def _standings(standings: Sequence[Standing], setting: Setting) -> str:
    rows = [
        [
            one.name,
            f"{one.us:.1f}",
            f"{one.cpu_s:.2f}",
            f"{1 / one.times_limit:.2f}",
            f"{one.times_limit:.2f}",
            f"{one.false} of {one.probes:,}",
        ]
        for one in standings
    ]
    head = [
        "",
        "µs of CPU a probe",
        "CPU-s",
        "of the limit",
        "times the limit",
        "false",
    ]
    return f"{table(head, rows)}\n\n{_how(setting)}"


def _how(setting: Setting) -> str:
    return f"Median of {setting.repeat} rounds; {surroundings()}."
