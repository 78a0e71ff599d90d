"""What is lent across processes works in real namespaces as one's own powers do."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.broker import wire
from exporter.detection.nftables import parse_tables
from exporter.errors import NetnsGone
from exporter.hostns import HostFound
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Ping, Source
from exporter.model.inspection import NamespaceFacts
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HOST, SandboxId
from exporter.netns import NamespaceRef
from exporter.ownpowers import OwnPowers
from exporter.powers import Terms
from tests.lab.broker import lent
from tests.lab.fixtures import MakePlainLab
from tests.netns.lending import IDENTITY, Stand, id_of, standing
from tests.netns.mortal import mortal

pytestmark = pytest.mark.netns


@pytest.fixture
def stand(netns_lab: MakePlainLab, tmp_path: Path) -> Iterator[Stand]:
    """Two bridges with two containers each."""
    with standing(netns_lab(containers=2, bridges=2), tmp_path) as made:
        yield made


@pytest.fixture
def prober(stand: Stand) -> Iterator[Prober]:
    """A prober that enters no namespace itself; every container is a source."""
    made = Prober(on_gone=lambda _: None, opener=stand.lent)
    made.start()
    devices = tuple(bridge.name for bridge in stand.lab.bridges)
    host = Source(id=HOST, namespace=stand.host().ref, devices=devices)
    sources = [stand.source(one) for one in stand.lab.containers]
    try:
        assert made.sync([host, *sources]) == {}
        yield made
    finally:
        made.stop()


def results(found: tuple[Observation, ...]) -> list[Result]:
    """Return what became of probes."""
    return [one.result for one in found]


def test_probes_through_lent_sockets_are_answered(stand: Stand, prober: Prober) -> None:
    """From containers and from the host, in both families; isolation is seen."""
    first, second, third, _ = stand.lab.containers
    source = SandboxId(id_of(first))
    pings = [
        Ping(source, second.ipv4, 1),
        Ping(source, second.ipv6, 1),
        Ping(source, third.ipv4, 1),
        Ping(HOST, first.ipv4, 1, device="br0"),
        Ping(HOST, third.ipv4, 1, device="br1"),
        Ping(HOST, third.ipv4, 1, device="br0"),
    ]
    found = results(prober.probe(pings, timeout_s=0.5))

    ok = Result.OK
    assert found == [ok, ok, Result.TIMEOUT, ok, ok, Result.WRONG_ROUTE]


def test_a_bridge_made_anew_is_bound_over_there(stand: Stand, prober: Prober) -> None:
    """Where this process may not, the socket goes there and back."""
    first = stand.lab.containers[0]
    stand.make_anew()
    found = prober.probe([Ping(HOST, first.ipv4, 1, device="br0")], timeout_s=0.5)

    assert results(found) == [Result.OK]


def test_the_end_of_a_container_is_seen(stand: Stand) -> None:
    """By the pidfd that came along."""
    gone = threading.Event()
    made = Prober(on_gone=lambda _: gone.set(), opener=stand.lent)
    made.start()
    with mortal(stand.lab) as container:
        pid = container.process.pid
        cgroup = Path(f"/proc/{pid}/cgroup").read_text()
        identity = next(filter(str.isalnum, cgroup.split("/")[::-1]), "0")
        stand.tell(identity, "/nowhere", pid)
        assert stand.lent.engine.container(identity)
        ref = NamespaceRef(path="/nowhere", pid=pid, container_id=identity)
        assert made.sync([Source(id=SandboxId("one"), namespace=ref)]) == {}
        assert not gone.is_set()
        container.kill()
        assert gone.wait(5)
    made.stop()


def test_facts_and_tables_are_those_that_we_would_read(stand: Stand) -> None:
    """Of a container, and of the host."""
    first, second = stand.lab.containers[:2]
    ref, found = stand.source(first).namespace, stand.host()
    asked = (second.ipv4, second.ipv6)

    for where in (ref, found):
        lent, own = (one.facts(where, asked) for one in (stand.lent, stand.own))
        assert _lasting(lent) == _lasting(own)
    assert stand.lent.host_network(found) == stand.own.host_network(found)
    assert stand.lent.look(found) == stand.own.look(found)
    assert stand.lent.privileges() == stand.own.privileges()
    lent_tables, own_tables = stand.lent.tables(found.ref), stand.own.tables(found.ref)
    assert lent_tables.source == own_tables.source
    assert lent_tables.tables.keys() == own_tables.tables.keys()


def _lasting(facts: NamespaceFacts) -> NamespaceFacts:
    """Return facts without the entries of groups, which go when the table is busy."""
    lasting = (one for one in facts.neighbours if not one.address.is_multicast)
    return replace(facts, neighbours=tuple(lasting))


def test_changes_of_rules_and_links_are_told(stand: Stand) -> None:
    """Over sockets that were opened over there, and with the links as they were."""
    heard, own = (p.subscribe(stand.host()) for p in (stand.lent, stand.own))
    assert heard.refusals == own.refusals == {}
    assert heard.table.note(b"") == own.table.note(b"")
    assert heard.nftables is not None
    assert heard.links is not None
    stand.lab.host.run(["iptables", "-A", "FORWARD", "-j", "DROP"])
    stand.lab.host.ip("link set veth0-1 down")
    assert wire.is_readable(heard.nftables.fileno(), 5)
    tables = [parse_tables(one).tables for one in heard.nftables.read().datagrams]
    assert wire.is_readable(heard.links.fileno(), 5)
    links = [heard.table.note(one).bridges for one in heard.links.read().datagrams]
    heard.close()
    own.close()

    assert "ip filter" in frozenset().union(*tables)
    assert "br0" in frozenset().union(*links)


def test_a_namespace_that_is_no_containers_is_not_entered(stand: Stand) -> None:
    """Neither by its path nor by a process: it might be anybody's."""
    container = stand.lab.containers[0]
    source = stand.source(container)
    other = stand.lab.containers[1]
    refs = [
        NamespaceRef(path=container.path),
        NamespaceRef(path=stand.lab.host.path),  # not found yet
        NamespaceRef(path="/proc/1/ns/net"),
        NamespaceRef(path="/dev/null", container_id=id_of(container)),
        NamespaceRef(path=other.path, container_id=id_of(container)),
        NamespaceRef(path=other.path, container_id=id_of(other)),
        NamespaceRef(pid=1),
        NamespaceRef(pid=1, container_id=id_of(container)),
        NamespaceRef(path=container.path, pid=1, container_id=id_of(container)),
    ]
    for ref in refs:
        with pytest.raises(NetnsGone):
            stand.lent.open_source(replace(source, namespace=ref), IDENTITY)
        with pytest.raises(NetnsGone):
            stand.lent.facts(ref, ())
        assert stand.lent.has_gone(ref)
    assert not stand.lent.shows_process(1, "")
    assert stand.own.shows_process(1, "")
    found = HostFound(ref=refs[2], source="own", identity=stand.host().identity)
    with pytest.raises(NetnsGone):
        stand.lent.host_network(found)
    with pytest.raises(NetnsGone):
        stand.lent.subscribe(found)
    stand.lent.open_source(source, IDENTITY).close()


def test_a_removed_container_is_not_entered_any_more(stand: Stand) -> None:
    """Its namespace may be another's soon."""
    source = stand.source(stand.lab.containers[0])
    del stand.engine.script[f"{stand.engine.prefix}/containers/{source.id}/json"]
    assert stand.lent.engine.container(source.id) is None

    with pytest.raises(NetnsGone):
        stand.lent.open_source(source, IDENTITY)


def test_a_path_that_is_none_of_the_engines_is_no_host(stand: Stand) -> None:
    """What would be opened beside it is not."""
    (own,) = [OwnPowers(Terms()).find_host([f"{stand.lab.host.path}/x"], ())]
    assert "netns/default" in str(own)
    with lent() as (powers, _):
        assert "netns/default" not in str(powers.find_host(["/tmp/x/y"], ()))
