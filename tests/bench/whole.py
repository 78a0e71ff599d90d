"""All that `check --all --json` does over a mesh, but for asking an engine."""

import gc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from exporter.budget import SharedBudget
from exporter.clock import SystemClock
from exporter.config import Config
from exporter.exhaustive import exhaust
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Source
from exporter.looking import Looker
from exporter.model.hoststate import HostState, NeighbourTable
from exporter.model.inspection import NOT_INSPECTED
from exporter.model.outcome import Scope, Verdict
from exporter.model.plan import Plan
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, SandboxId, Topology
from exporter.netns import NamespaceRef
from exporter.presence import Presence
from exporter.report.document import document
from exporter.session import settings_for
from tests.bench.contenders import Cost, own_cpu_s
from tests.bench.mesh import Mesh
from tests.bench.ours import PEAK_RESET, peak_bytes
from tests.fakes import topologies
from tests.lab.errors import LabError

if TYPE_CHECKING:
    from exporter.session import Session

_ROOM = NeighbourTable(entries=0, soft_limit=4_000_000, hard_limit=8_000_000)
"""The mesh's entries are permanent: no budget has to hold back."""
_SCOPES = (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)


class Whole:
    """Plan, probes, verdicts and JSON of every pair of a mesh."""

    name = "`check --all --json`"

    def __init__(self, prober: Prober, mesh: Mesh, *, timeout_s: float) -> None:
        """Prepare; nothing is open yet."""
        self._prober = prober
        self._topology = topology_of(mesh)
        self._config = Config.model_validate(
            {
                "probe": {
                    "scopes": list(map(str, _SCOPES)),
                    "packets_per_second": 100_000,
                    "timeout": timeout_s,
                }
            }
        )
        self._sources = [
            Source(
                id=HOST,
                namespace=NamespaceRef(path=mesh.host.path),
                devices=tuple(f"br{bridge}" for bridge in range(mesh.bridges)),
            ),
            *(
                Source(id=SandboxId(one.name), namespace=NamespaceRef(path=one.path))
                for one in mesh.containers
            ),
        ]
        self.resident_bytes = 0
        """Most memory of this process meanwhile, all of the bench included."""

    def turn(self) -> Cost:
        """Look at every pair, and write it down."""
        if errors := self._prober.sync(self._sources):
            raise LabError(f"sources that do not open: {errors}")
        gc.collect()
        PEAK_RESET.write_text("5")
        before_s = own_cpu_s()
        with TemporaryDirectory() as folder, Path("/dev/null").open("w") as sink:
            snapshot = self._look(Path(folder))
            sink.writelines(document(snapshot))
        cpu_s = own_cpu_s() - before_s
        self.resident_bytes = max(self.resident_bytes, peak_bytes())
        self._prober.sync([])
        pairs = len(snapshot.pairs)
        right = snapshot.summary[Verdict.AS_EXPECTED]
        return Cost(probes=pairs, cpu_s=cpu_s, false=pairs - right)

    def _look(self, folder: Path) -> Snapshot:
        clock, found = SystemClock(), self._topology
        session = SimpleNamespace(
            config=self._config,
            clock=clock,
            prober=self._prober,
            survey=SimpleNamespace(full=lambda: found, notices=(), host_found=None),
            inspector=SimpleNamespace(inspect=lambda *_: NOT_INSPECTED),
            budget=SharedBudget(
                clock, folder, lambda: HostState(tables={4: _ROOM, 6: _ROOM})
            ),
        )
        looker = Looker(cast("Session", session), _say_nothing, Presence(clock))
        plan = Plan(found, frozenset(_SCOPES), lambda _: True)
        pairs = exhaust(looker, plan, settings_for(self._config))
        return Snapshot(taken=clock.now_utc(), topology=found, pairs=pairs)


def topology_of(mesh: Mesh) -> Topology:
    """Return what an engine would say of a mesh."""
    networks = [
        replace(
            topologies.network(f"n{bridge}", f"10.213.{bridge}.0/24"),
            bridge=f"br{bridge}",
        )
        for bridge in range(mesh.bridges)
    ]
    return topologies.topology(
        tuple(networks),
        tuple(
            topologies.container(
                one.name,
                topologies.endpoint(one.name, networks[one.bridge], str(one.address)),
            )
            for one in mesh.containers
        ),
    )


def _say_nothing(_: str) -> None:
    """Progress is for people."""
