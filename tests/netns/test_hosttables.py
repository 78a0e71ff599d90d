"""The host's tables are found from other namespaces than the initial one."""

from pathlib import Path

import pytest

from exporter.errors import NetnsError
from exporter.hosttables import HostTables
from exporter.model.hoststate import HostState, TableSource
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.fixtures import MakePlainLab
from tests.netns.outside import say

pytestmark = pytest.mark.netns

LOOK = """
from exporter.hosttables import HostTables
from exporter.netns import NamespaceRef
ref = NamespaceRef(path=sys.argv[1]) if sys.argv[1:] else None
found = HostTables(lambda: ref).read()
table = found.tables[4]
print(found.source, table.hard_limit, table.entries is not None and table.fulls)
"""
OWN_PIDS = ("unshare", "--pid", "--fork", "--mount-proc")
NO_PTRACE = ("setpriv", "--bounding-set", "-sys_ptrace")
KEEP_INIT = 'mount --bind /proc/self/ns/net "$0" && exec "$@"'
"""Makes the initial namespace a file, seen by what it starts only."""


@pytest.fixture
def inside(netns_lab: MakePlainLab) -> tuple[str, ...]:
    """What starts a program in a network namespace that is not the initial one."""
    lab = netns_lab(containers=2)
    return ("nsenter", f"--net={lab.host.path}")


@pytest.fixture
def here() -> HostState:
    """What the initial namespace shows, as the tests run there."""
    found = HostTables().read()
    if found.source is not TableSource.OWN:
        pytest.skip("the tests do not run in the initial network namespace")
    return found


def test_through_init(inside: tuple[str, ...], here: HostState) -> None:
    """With the host's pid namespace; limits and overflows are the host's."""
    try:
        open_namespace(NamespaceRef(path="/proc/1/ns/net")).close()
    except NetnsError as error:
        pytest.skip(f"process 1 is not open to us: {error}")
    table = here.tables[4]

    assert say(LOOK, under=inside) == f"init {table.hard_limit} {table.fulls}"


def test_init_may_not_be_entered(inside: tuple[str, ...], here: HostState) -> None:
    """Its entries are seen all the same; the limits are assumed."""
    said = say(LOOK, under=[*inside, *NO_PTRACE])

    assert said == f"init_entries 1024 {here.tables[4].fulls}"


def test_through_the_engines_namespace(
    inside: tuple[str, ...], here: HostState, tmp_path: Path
) -> None:
    """Where no process of the host is seen, as in a container."""
    kept = tmp_path / "default"
    kept.touch()
    hidden = ["unshare", "--mount", "sh", "-c", KEEP_INIT, str(kept)]
    table = here.tables[4]

    said = say(LOOK, str(kept), under=[*hidden, *inside, *OWN_PIDS])

    assert said == f"engine {table.hard_limit} {table.fulls}"


def test_from_nowhere(inside: tuple[str, ...]) -> None:
    """Neither a process of the host nor its namespace: the defaults."""
    assert say(LOOK, under=[*inside, *OWN_PIDS]) == "none 1024 False"


def test_the_engines_connections_are_counted(
    netns_lab: MakePlainLab, here: HostState
) -> None:
    """Each namespace has its own; the limit is the host's."""
    lab = netns_lab(containers=2)
    found = HostTables(lambda: NamespaceRef(path=lab.host.path)).read()

    assert found.source is TableSource.OWN
    assert (found.conntrack is None) == (here.conntrack is None)
    if found.conntrack and here.conntrack:
        assert found.conntrack.limit == here.conntrack.limit
