"""Reads the kernel tables of the host, wherever this process runs.

The neighbour tables are the host's, one for each family, yet only the initial network
namespace shows them: net/stat/arp_cache exists in no other, and gc_thresh3 is in no
other's net/ipv4/neigh/default (net/core/neighbour.c, neigh_table_init and
neigh_sysctl_register). So three namespaces are looked into, and the first that shows
them is it: our own, that of process 1 (the host's, where its pid namespace is shared),
and the engine's. The connection table is each namespace's own, its limit the host's:
what counts is the one where the engine's bridges are.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from exporter.errors import ExporterError
from exporter.model.hoststate import (
    DEFAULT_LIMITS,
    Conntrack,
    HostState,
    NeighbourTable,
    TableSource,
)
from exporter.model.topology import IP_VERSIONS, IpVersion
from exporter.netns import NamespaceRef, open_namespace

T = TypeVar("T")
_FILES: dict[IpVersion, tuple[str, str]] = {
    4: ("sys/net/ipv4/neigh/default", "arp_cache"),
    6: ("sys/net/ipv6/neigh/default", "ndisc_cache"),
}
_CONNTRACK = "sys/net/netfilter"
_OWN = "thread-self/net/stat"
"""Not net/stat, which is that of the process's first thread (proc(5))."""
_INIT = "1/net/stat"


class HostTables:
    """Looks at the tables; holds nothing open and remembers nothing."""

    def __init__(
        self,
        engine_namespace: Callable[[], NamespaceRef | None] = lambda: None,
        proc: Path = Path("/proc"),
    ) -> None:
        """Bind to where the engine's namespace is, and to procfs.

        Args:
            engine_namespace: returns the namespace with the engine's bridges; None
                while it is not found.
            proc: where procfs is mounted.
        """
        self._engine_namespace = engine_namespace
        self._proc = proc

    def read(self) -> HostState:
        """Return the tables now; nothing is raised, what cannot be read is assumed."""
        engine = self._engine_namespace()
        source, tables = next(self._found(engine))
        conntrack = self._inside(engine, self._conntrack) or self._conntrack()
        return HostState(source=source, tables=tables, conntrack=conntrack)

    def _found(
        self, engine: NamespaceRef | None
    ) -> Iterator[tuple[TableSource, dict[IpVersion, NeighbourTable]]]:
        """Yield what can be read, best first; the last is what is assumed."""
        if tables := self._tables():
            yield TableSource.OWN, tables
        entries = self._entries(_INIT)
        if entries:
            init = NamespaceRef(path=str(self._proc / "1/ns/net"))
            if tables := self._inside(init, self._tables):
                yield TableSource.INIT, tables
        if tables := self._inside(engine, self._tables):
            yield TableSource.ENGINE, tables
        if entries:
            yield TableSource.INIT_ENTRIES, entries
        yield TableSource.NONE, {version: NeighbourTable() for version in IP_VERSIONS}

    def _inside(
        self, ref: NamespaceRef | None, read: Callable[[], T | None]
    ) -> T | None:
        if ref is None:
            return None
        try:
            with open_namespace(ref) as namespace:
                return namespace.run(read)
        except ExporterError:
            return None

    def _tables(self) -> dict[IpVersion, NeighbourTable] | None:
        """Return the tables as the calling thread's namespace shows them."""
        tables = self._entries(_OWN)
        return tables and {
            version: self._with_limits(version, table)
            for version, table in tables.items()
        }

    def _entries(self, statistics: str) -> dict[IpVersion, NeighbourTable] | None:
        """Return the tables without their limits; None where none shows.

        A kernel that was started without IPv6 has no such table: there is none to fill.
        """
        paths = {v: self._proc / statistics / name for v, (_, name) in _FILES.items()}
        shown = {version: self._counted(path) for version, path in paths.items()}
        if not any(shown.values()):
            return None
        return {
            version: found or NeighbourTable()
            for version, found in shown.items()
            if found or paths[version].exists()
        }

    def _counted(self, path: Path) -> NeighbourTable | None:
        """Return what a file of net/stat says: a head, then a row for each processor.

        Numbers are hexadecimal. Every row has the entries of the whole table, and the
        overflows of its own processor. Kernels before 3.19 have no table_fulls.
        """
        with suppress(OSError, ValueError, IndexError):
            head, *rows = (line.split() for line in path.read_text().splitlines())
            place = head.index("entries")
            fulls = None
            if "table_fulls" in head:
                column = head.index("table_fulls")
                fulls = sum(int(row[column], 16) for row in rows)
            return NeighbourTable(entries=int(rows[0][place], 16), fulls=fulls)
        return None

    def _with_limits(self, version: IpVersion, table: NeighbourTable) -> NeighbourTable:
        folder = self._proc / _FILES[version][0]
        soft, hard = DEFAULT_LIMITS
        with suppress(OSError, ValueError):
            soft = int((folder / "gc_thresh2").read_text())
            hard = int((folder / "gc_thresh3").read_text())
        return NeighbourTable(
            entries=table.entries, soft_limit=soft, hard_limit=hard, fulls=table.fulls
        )

    def _conntrack(self) -> Conntrack | None:
        folder = self._proc / _CONNTRACK
        with suppress(OSError, ValueError):
            return Conntrack(
                entries=int((folder / "nf_conntrack_count").read_text()),
                limit=int((folder / "nf_conntrack_max").read_text()),
            )
        return None
