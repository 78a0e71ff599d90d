"""Where the host's tables are read, and what is made of what stands there."""

from pathlib import Path

import pytest

from exporter.hosttables import HostTables
from exporter.model.hoststate import Conntrack, HostState, NeighbourTable, TableSource

HEAD = "entries  allocs table_fulls"


def write(root: Path, name: str, text: str) -> None:
    """Write a file of procfs."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def limits(proc: Path, family: str, soft: int, hard: int) -> None:
    """Write the limits of a family's table."""
    write(proc, f"sys/net/{family}/neigh/default/gc_thresh2", f"{soft}\n")
    write(proc, f"sys/net/{family}/neigh/default/gc_thresh3", f"{hard}\n")


def own(proc: Path, name: str, text: str) -> None:
    """Write what our own namespace shows of a table."""
    write(proc, f"thread-self/net/stat/{name}", text)


def look(proc: Path) -> HostState:
    """Read a procfs in which no namespace can be entered."""
    return HostTables(proc=proc).read()


def test_in_the_initial_namespace_both_families_are_read(tmp_path: Path) -> None:
    """Numbers are hexadecimal; overflows add up over processors, entries do not."""
    rows = "00000010 00000000 {0}\n00000010 00000000 {0}\n"
    own(tmp_path, "arp_cache", f"{HEAD}\n{rows.format('0000000a')}")
    own(tmp_path, "ndisc_cache", f"{HEAD}\n{rows.format('00000000')}")
    limits(tmp_path, "ipv4", 100, 400)
    limits(tmp_path, "ipv6", 200, 800)

    assert look(tmp_path) == HostState(
        source=TableSource.OWN,
        tables={
            4: NeighbourTable(entries=16, soft_limit=100, hard_limit=400, fulls=20),
            6: NeighbourTable(entries=16, soft_limit=200, hard_limit=800, fulls=0),
        },
    )


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    """Kernels have added some, and may again."""
    own(tmp_path, "arp_cache", "table_fulls new entries\n00000003 1 00000007\n")

    assert look(tmp_path).tables[4] == NeighbourTable(entries=7, fulls=3)


def test_an_older_kernel_counts_no_overflows(tmp_path: Path) -> None:
    """Before 3.19."""
    own(tmp_path, "arp_cache", "entries allocs\n00000007 00000000\n")

    assert look(tmp_path).tables[4] == NeighbourTable(entries=7, fulls=None)


def test_without_ipv6_the_other_family_is_read(tmp_path: Path) -> None:
    """ipv6.disable=1: a table that is not there must not set the budget."""
    own(tmp_path, "arp_cache", f"{HEAD}\n00000007 0 0\n")
    found = look(tmp_path)

    assert (found.source, list(found.tables)) == (TableSource.OWN, [4])


def test_of_a_table_that_cannot_be_read_the_defaults_are_assumed(
    tmp_path: Path,
) -> None:
    """It is there, so it can be filled."""
    own(tmp_path, "arp_cache", f"{HEAD}\n00000007 0 0\n")
    own(tmp_path, "ndisc_cache", "?")

    assert look(tmp_path).tables[6] == NeighbourTable()


def test_where_init_may_not_be_entered_its_entries_count(tmp_path: Path) -> None:
    """Our own namespace shows none; the limits are assumed."""
    write(tmp_path, "1/net/stat/arp_cache", f"{HEAD}\n00000007 0 00000001\n")
    limits(tmp_path, "ipv4", 1, 2)

    assert look(tmp_path) == HostState(
        source=TableSource.INIT_ENTRIES,
        tables={4: NeighbourTable(entries=7, fulls=1)},
    )


def test_where_nothing_shows_the_kernels_defaults_are_assumed(tmp_path: Path) -> None:
    """512 and 1024; how many there are is not known."""
    table = NeighbourTable(entries=None, soft_limit=512, hard_limit=1024, fulls=None)

    assert look(tmp_path) == HostState(
        source=TableSource.NONE, tables={4: table, 6: table}
    )


@pytest.mark.parametrize(
    "text",
    ["", "\n", HEAD, f"{HEAD}\n", f"{HEAD}\nx y z\n", f"{HEAD}\n7\n", "a b\n1 2\n"],
)
def test_nonsense_counts_as_unreadable(tmp_path: Path, text: str) -> None:
    """Never an exception: a cycle must not fail for it."""
    own(tmp_path, "arp_cache", text)

    assert look(tmp_path).source is TableSource.NONE


def test_the_connection_table(tmp_path: Path) -> None:
    """Where the kernel tracks; half of the files is none."""
    folder = "sys/net/netfilter"
    write(tmp_path, f"{folder}/nf_conntrack_count", "41\n")
    half = look(tmp_path).conntrack
    write(tmp_path, f"{folder}/nf_conntrack_max", "262144\n")

    assert half is None
    assert look(tmp_path).conntrack == Conntrack(entries=41, limit=262_144)
