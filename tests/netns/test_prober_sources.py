"""How sources are opened and kept in step with what exists."""

import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from exporter.errors import NetnsError, NetnsGone
from exporter.icmp.probes import Ping, Source
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HOST, SandboxId
from exporter.netns import NamespaceRef
from tests.lab.fixtures import MakePlainLab
from tests.netns.mortal import mortal
from tests.netns.outside import say
from tests.netns.probing import (
    descriptors,
    ping,
    probe_one,
    running,
    sandbox,
    sources_of,
    watching,
)

SO_LOCK_FILTER = 44
"""asm-generic/socket.h: no other packet filter can be set any more."""


def test_sync_follows_what_exists(netns_lab: MakePlainLab) -> None:
    """New ones are opened, vanished ones closed, the rest keeps its sockets."""
    lab = netns_lab(containers=2)
    host, one, two = sources_of(lab)
    with watching() as (prober, gone):
        assert {} == prober.identities()
        prober.sync([host, one])
        before = dict(prober.identities())
        prober.sync([one, two])
        after = dict(prober.identities())
        prober.close_source(one.id)
        prober.close_source(SandboxId("unknown"))
        left = dict(prober.identities())

    assert {host.id, one.id} == before.keys()
    assert {one.id, two.id} == after.keys()
    assert before[one.id] == after[one.id]
    assert 3 == len({*before.values(), *after.values()})
    assert {two.id} == left.keys()
    assert gone.empty()


def test_who_cannot_take_another_identifier_is_closed(
    netns_lab: MakePlainLab,
) -> None:
    """It would hear no reply, and everybody would seem silent; the others go on."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        opened = prober._open.by_id[sandbox(first)]  # noqa: SLF001
        for echo_socket in opened.echo_sockets.values():
            echo_socket.sock.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
        prober.renew()
        left = probe_one(prober, ping(first, second))
        others = probe_one(prober, ping(second, first))
        errors = prober.sync(sources_of(lab))
        again = probe_one(prober, ping(first, second))

    assert opened.closed
    assert {} == errors
    assert [Result.NETNS_ERROR, Result.OK, Result.OK] == [
        one.result for one in (left, others, again)
    ]


def test_sync_opens_a_restarted_container_anew(netns_lab: MakePlainLab) -> None:
    """Another process under the same id: another namespace."""
    lab = netns_lab(containers=0)
    with mortal(lab, 101) as old, mortal(lab, 102) as new:
        renamed = replace(new.source, id=old.source.id)
        with watching(old.source) as (prober, _):
            before = prober.identities()[old.source.id]
            errors = prober.sync([renamed])
            after = prober.identities()[old.source.id]
            found = probe_one(prober, Ping(old.source.id, new.ipv4, 1, own=True))
    assert {} == errors
    assert before != after
    assert Result.OK == found.result


def test_sync_says_what_could_not_be_opened(netns_lab: MakePlainLab) -> None:
    """Each failure by its source; the others are opened, and the next call retries."""
    lab = netns_lab(containers=1)
    _, container = sources_of(lab)
    missing = Source(id=SandboxId("gone"), namespace=NamespaceRef(path="/nowhere/x"))
    with mortal(lab) as dead:
        dead.close()
        with watching() as (prober, _):
            errors = prober.sync([container, missing, dead.source])
            found = prober.probe([Ping(missing.id, lab.bridges[0].ipv4, 1)])

            assert {missing.id, dead.source.id} == errors.keys()
            assert all(isinstance(error, NetnsError) for error in errors.values())
            assert {container.id} == prober.identities().keys()
            assert Observation(result=Result.NETNS_ERROR) == found[0]
            assert {} == prober.sync([container])


def test_a_source_that_became_unusable_is_closed(netns_lab: MakePlainLab) -> None:
    """A changed source that cannot be opened does not go on with its old sockets."""
    lab = netns_lab(containers=1)
    _, container = sources_of(lab)
    elsewhere = replace(container, namespace=NamespaceRef(path="/nowhere/x"))
    with watching(container) as (prober, _):
        errors = prober.sync([elsewhere])

        assert {container.id} == errors.keys()
        assert {} == prober.identities()


def test_nothing_leaks(netns_lab: MakePlainLab) -> None:
    """300 times opened and closed: no descriptor is left."""
    lab = netns_lab(containers=1)
    _, container = sources_of(lab)
    with watching(container) as (prober, _):
        prober.sync([])
        before = descriptors()
        for number in range(150):
            prober.sync([container])
            prober.probe([Ping(container.id, lab.bridges[0].ipv4, 1)])
            if number % 2:
                prober.close_source(container.id)
            else:
                prober.sync([])
        for _ in range(150):
            bad = replace(container, namespace=NamespaceRef(path="/nowhere/x"))
            prober.sync([bad])

        assert before == descriptors()


def test_interfaces_of_a_source(netns_lab: MakePlainLab) -> None:
    """Names, state and addresses, as the namespace has them now."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober:
        before = {one.name: one for one in prober.interfaces(sandbox(container))}
        container.namespace.ip("link set eth0 down")
        after = {one.name: one for one in prober.interfaces(sandbox(container))}
        with pytest.raises(NetnsGone):
            prober.interfaces(SandboxId("unknown"))

    assert {"lo", "eth0"} == before.keys()
    assert (container.ipv4, 24) in before["eth0"].addresses
    assert [True, False] == [before["eth0"].up, after["eth0"].up]


SYNC = """
from ipaddress import ip_address
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Ping, Source
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
source = Source(id=SandboxId("a"), namespace=NamespaceRef(path=sys.argv[1]))
prober = Prober(on_gone=print)
prober.start()
errors = prober.sync([source])
found = prober.probe([
    Ping(source.id, ip_address(sys.argv[2]), 1),
    Lookup(source.id, "name", 4),
])
print(errors.get(source.id), *[one.result for one in found], sep="; ")
prober.stop()
"""


@pytest.mark.parametrize(
    ("dropped", "expected"),
    [
        pytest.param("net_admin", "None; ok; no_resolver", id="buffers only"),
        pytest.param(
            "net_raw",
            "a raw ICMP socket for IPv4 failed (errno 1); grant CAP_NET_RAW; "
            "permission_denied; no_resolver",
            id="names can still be asked",
        ),
        pytest.param("sys_admin", "permission_denied; permission_denied", id="all"),
    ],
)
def test_a_missing_capability(
    netns_lab: MakePlainLab, dropped: str, expected: str
) -> None:
    """The line says what to grant, and the rest works."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    said = say(
        SYNC,
        container.path,
        str(container.ipv4),
        under=["setpriv", f"--bounding-set=-{dropped}", f"--inh-caps=-{dropped}"],
    )

    assert said.endswith(expected)
    if dropped == "sys_admin":
        assert "CAP_SYS_ADMIN" in said


def test_a_bridge_that_appears_keeps_the_running_round(
    netns_lab: MakePlainLab,
) -> None:
    """New devices mean new sockets; the old ones serve to the end of the round."""
    lab = netns_lab(containers=1, bridges=2)
    host, *_ = sources_of(lab)
    first, second = lab.containers
    second.namespace.ip("link set eth0 down")
    before = replace(host, devices=("br0",))
    with watching(before) as (prober, _), ExitStack() as ends:
        found: list[tuple[Observation, ...]] = []
        probes = [
            Ping(HOST, first.ipv4, 1, device="br0", count=20),
            Ping(HOST, second.ipv4, 1, device="br1"),
        ]
        thread = threading.Thread(
            target=lambda: found.append(prober.probe(probes, timeout_s=0.5))
        )
        thread.start()
        ends.callback(thread.join)
        time.sleep(0.1)  # it is under way
        assert {} == prober.sync([host])
        thread.join(10)
        after = prober.probe(probes, timeout_s=0.3)
        before_again = descriptors()
        prober.sync([host])

        assert before_again == descriptors()
    # Before, br1 was no device of the source.
    assert [(Result.OK, 20), (Result.NO_ROUTE, 0)] == [
        (one.result, one.received) for one in found[0]
    ]
    assert [(Result.OK, 20), (Result.TIMEOUT, 0)] == [
        (one.result, one.received) for one in after
    ]
