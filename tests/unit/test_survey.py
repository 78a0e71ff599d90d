"""A survey: the engine's answer, the prober's sources, and what does not work."""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from exporter.capabilities import Need, Privileges
from exporter.engine.events import Change
from exporter.errors import (
    EngineUnavailable,
    ExporterError,
    NetnsGone,
    NetnsPermissionDenied,
    ProbeSocketError,
)
from exporter.hostns import BridgeMark, HostFound, HostNotFound
from exporter.icmp.probes import Source
from exporter.model.topology import HostNetwork, SandboxId, Topology
from exporter.survey import Survey, bridge_marks
from tests.fakes.policies import labelled
from tests.fakes.topologies import container, demo, endpoint, network, topology


class Listing:
    """An inventory that answers from memory."""

    def __init__(self, found: Topology) -> None:
        """Answer with a topology until told otherwise."""
        self.found = found
        self.error: ExporterError | None = None
        self.changes: list[Change] = []

    def full(self) -> None:
        """List everything."""
        if self.error is not None:
            raise self.error

    def apply(self, change: Change) -> None:
        """Look again."""
        self.changes.append(change)
        self.full()

    def topology(self, host: HostNetwork) -> Topology:
        """Return what is known."""
        return replace(self.found, host=host)


class Sources:
    """A prober that remembers what it was to open."""

    def __init__(self) -> None:
        """Open everything."""
        self.synced: list[list[Source]] = []
        self.failures: dict[SandboxId, ExporterError] = {}

    def sync(self, sources: Iterable[Source]) -> Mapping[SandboxId, ExporterError]:
        """Take note."""
        self.synced.append(list(sources))
        return self.failures


class Nowhere:
    """A host whose namespace is not found."""

    def find_host(
        self, _keys: Iterable[str], _bridges: Sequence[BridgeMark]
    ) -> HostFound | HostNotFound:
        """Find none."""
        return HostNotFound(reason="no namespace holds the bridges")

    def host_network(self, found: HostFound) -> HostNetwork:
        """Nothing is found that could be looked into."""
        raise AssertionError(found)

    def shows_process(self, _pid: int, _container_id: str) -> bool:
        """Show every process."""
        return True


class Parts:
    """A survey with both."""

    def __init__(self, found: Topology) -> None:
        """Put it together; the host's namespace is nowhere."""
        self.listing, self.sources = Listing(found), Sources()
        self.survey = self.with_privileges(
            Privileges(
                linux=True, root=True, capabilities=frozenset(Need), host_pids=True
            )
        )

    def with_privileges(self, privileges: Privileges) -> Survey:
        """Return a survey by a process that may do this and no more."""
        return Survey(
            self.listing,  # type: ignore[arg-type]  # all that is asked of it
            self.sources,
            host=Nowhere(),
            privileges=privileges,
        )


@pytest.fixture
def parts() -> Parts:
    """Return a survey of the demo."""
    return Parts(demo())


def test_every_connected_sandbox_is_a_source(parts: Parts) -> None:
    """And none without a network: there is nothing to probe from it."""
    bare = container("lonely", mode="none")
    found = parts.listing.found
    parts.listing.found = topology(found.networks, (*found.containers, bare))

    parts.survey.full()

    assert {source.id for source in parts.sources.synced[-1]} == {
        "bridge1",
        "bridge2",
        "mybridge1",
        "mybridge2",
    }


def test_nothing_is_opened_where_a_container_opted_out(parts: Parts) -> None:
    """Its namespace is not entered; everybody else's is."""
    found = parts.listing.found
    parts.listing.found = replace(
        found,
        containers=tuple(
            labelled(one, dockernet_ignore="yes") if one.id == "bridge2" else one
            for one in found.containers
        ),
    )

    parts.survey.full()

    assert {"bridge1", "mybridge1", "mybridge2"} == {
        source.id for source in parts.sources.synced[-1]
    }


def test_a_host_that_is_not_found_turns_its_scope_off_and_says_so(
    parts: Parts,
) -> None:
    """Never guessed."""
    found = parts.survey.full()

    assert not found.host.available
    assert parts.survey.notices == (
        "scope host is off: no namespace holds the bridges",
    )


def test_an_engine_elsewhere_is_listed_only(parts: Parts) -> None:
    """Whatever was open is closed."""
    engine = replace(demo().engine, local=False, local_reason="it is remote")
    parts.listing.found = replace(demo(), engine=engine)

    found = parts.survey.full()

    assert parts.sources.synced == [[]]
    assert (found.host.available, len(found.containers)) == (False, 5)
    assert parts.survey.notices == ("topology only, nothing is probed: it is remote",)


def test_who_cannot_be_entered_is_named_up_to_three(parts: Parts) -> None:
    """The rest is counted; who has ended meanwhile is ordinary."""
    names = [f"c{number}" for number in range(5)]
    net = network("n", "10.0.0.0/24")
    members = tuple(
        container(name, endpoint(name, net, f"10.0.0.{9 + number}"))
        for number, name in enumerate(names)
    )
    parts.listing.found = topology((net,), members)
    parts.sources.failures = {
        **{SandboxId(n): NetnsPermissionDenied(n, "CAP_SYS_ADMIN") for n in names},
        SandboxId("gone"): NetnsGone("/run/x"),
    }

    parts.survey.full()

    lines = [line for line in parts.survey.notices if "cannot probe" in line]
    assert len(lines) == 4
    assert lines[0].startswith("cannot probe from c0: ")
    assert lines[-1] == "cannot probe from 2 more containers"


@pytest.mark.parametrize(
    ("missing", "denied"),
    [
        pytest.param(
            Need.SYS_ADMIN, NetnsPermissionDenied("/x", "CAP_SYS_ADMIN"), id="entering"
        ),
        pytest.param(
            Need.NET_RAW,
            ProbeSocketError("a raw socket", errno.EPERM, "grant CAP_NET_RAW"),
            id="sockets",
        ),
    ],
)
def test_what_is_missing_is_said_once(
    parts: Parts, missing: Need, denied: ExporterError
) -> None:
    """Not once more for every container, nor for the host; other failures are."""
    held = frozenset(Need) - {missing}
    parts.survey = parts.with_privileges(
        Privileges(linux=True, root=True, capabilities=held, host_pids=True)
    )
    broken = ProbeSocketError("a raw socket", errno.EMFILE, "raise the limit")
    parts.sources.failures = {
        SandboxId("bridge1"): denied,
        SandboxId("bridge2"): broken,
        SandboxId("mybridge1"): denied,
    }

    parts.survey.full()

    first, second = parts.survey.notices
    assert first.startswith(f"missing {missing}; still works: topology and subnets")
    assert second == f"cannot probe from bridge2: {broken}"


@pytest.mark.parametrize(
    ("count", "listed"), [(0, None), (1, "j0"), (5, "j0, j1, j2 and 2 more")]
)
def test_who_was_left_behind_is_said(
    parts: Parts, count: int, listed: str | None
) -> None:
    """Their owner has another namespace by now; nothing is asked of them."""
    names = [f"j{number}" for number in range(count)]
    joined = (container(name, mode="container:bridge1") for name in names)
    alone = (replace(one, sandbox=SandboxId(one.id)) for one in joined)
    found = parts.listing.found
    parts.listing.found = replace(found, containers=(*found.containers, *alone))

    parts.survey.full()

    lines = [line for line in parts.survey.notices if "nothing is probed of" in line]
    said = (
        f"nothing is probed of {listed}: started with --network container:X, and X was "
        "started again or ended since; start them again"
    )
    assert ([said] if listed else []) == lines


def test_a_refresh_asks_for_what_events_named(parts: Parts) -> None:
    """And for nothing else."""
    parts.survey.refresh(frozenset({"a"}), frozenset({"b"}))

    change = parts.listing.changes[-1]
    assert (set(change.containers), set(change.networks)) == ({"a"}, {"b"})
    assert not change.resync


def test_an_engine_that_is_away_changes_nothing(parts: Parts) -> None:
    """The sources stay open: containers may well live on."""
    parts.survey.full()
    notices = parts.survey.notices
    parts.listing.error = EngineUnavailable("unix:///x", "refused")

    with pytest.raises(EngineUnavailable):
        parts.survey.full()

    assert len(parts.sources.synced) == 1
    assert parts.survey.notices == notices


def test_bridges_are_known_by_their_gateways() -> None:
    """What the engine gave no address is no mark."""
    plain = network("n", "10.1.0.0/24")
    bare = network("m", "10.2.0.0/24", inhibit_ipv4="true")
    outer = network("o", "10.3.0.0/24", driver="macvlan")
    found = topology(
        (plain, bare, outer), (container("a", endpoint("a", plain, "10.1.0.9")),)
    )

    marks = {mark.name: [str(g) for g in mark.gateways] for mark in bridge_marks(found)}

    assert marks == {"br-n": ["10.1.0.1"], "br-m": []}
