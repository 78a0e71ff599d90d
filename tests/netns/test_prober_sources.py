"""How sources are opened, kept in step with what exists, and closed in time."""

import gc
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from exporter.errors import NetnsError, NetnsGone
from exporter.icmp import Lookup, Ping, Prober, Source
from exporter.model.outcome import NOT_PROBED, Observation, Result
from exporter.model.topology import HOST, SandboxId
from exporter.netns import NamespaceRef
from tests.lab.fixtures import MakePlainLab
from tests.netns.mortal import mortal
from tests.netns.outside import say
from tests.netns.probing import ping, probe_one, running, sandbox, sources_of

Gone = SimpleQueue[tuple[SandboxId, float]]


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def watching(*sources: Source) -> Iterator[tuple[Prober, Gone]]:
    """A prober over some sources, and what it says of those that ended."""
    gone: Gone = SimpleQueue()
    prober = Prober(on_gone=lambda source: gone.put((source, time.monotonic())))
    prober.start()
    try:
        assert {} == prober.sync(sources)
        yield prober, gone
    finally:
        prober.stop()


def test_a_dead_container_is_let_go_at_once(netns_lab: MakePlainLab) -> None:
    """Its sockets are closed within 10 ms of its death (median of 20)."""
    lab = netns_lab(containers=0)
    delays_s = []
    for number in range(20):
        with (
            mortal(lab, number + 2) as container,
            watching(container.source) as (prober, gone),
        ):
            killed_s = container.kill()
            source, gone_s = gone.get(timeout=5)
            delays_s.append(gone_s - killed_s)

            assert container.source.id == source
            assert {} == prober.identities()

    assert statistics.median(delays_s) < 0.010


def test_a_dead_containers_interface_goes_away(netns_lab: MakePlainLab) -> None:
    """No socket of ours holds its namespace: the kernel takes it and its veth."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with (
        mortal(lab) as victim,
        watching(*sources_of(lab), victim.source) as (prober, gone),
    ):
        there = Ping(sandbox(container), victim.ipv4, 1)
        assert Result.OK == probe_one(prober, there).result
        victim.kill()
        gone.get(timeout=5)
        deadline_s = time.monotonic() + 5
        while victim.port_is_there():
            assert time.monotonic() < deadline_s
        after = probe_one(prober, there)

    assert Observation(result=Result.TIMEOUT, sent=1) == after


def test_a_container_that_dies_during_a_round(netns_lab: MakePlainLab) -> None:
    """What was open is no result of the network; nobody waits for it; others go on."""
    lab = netns_lab(containers=3)
    first, second, third = lab.containers
    third.namespace.ip("link set eth0 down")
    with (
        mortal(lab) as victim,
        watching(*sources_of(lab), victim.source) as (prober, gone),
    ):
        found: list[tuple[Observation, ...]] = []
        probes: list[Ping | Lookup] = [
            Ping(victim.source.id, second.ipv4, 1),
            Ping(victim.source.id, third.ipv4, 1),
            Lookup(victim.source.id, "name", 4),
            ping(first, second),
        ]
        began_s = time.monotonic()
        round_ = threading.Thread(
            target=lambda: found.append(prober.probe(probes, timeout_s=5))
        )
        round_.start()
        time.sleep(0.2)  # everything was sent, one pair is silent
        victim.kill()
        gone.get(timeout=5)
        round_.join(10)
        took_s = time.monotonic() - began_s

    assert [Result.OK, Result.NETNS_ERROR, Result.NETNS_ERROR, Result.OK] == [
        one.result for one in found[0]
    ]
    assert took_s < 2


def test_a_container_that_died_before_its_packets(netns_lab: MakePlainLab) -> None:
    """A source that ends while others are probed is not probed any more."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with (
        mortal(lab) as victim,
        watching(*sources_of(lab), victim.source) as (prober, gone),
    ):
        stopper = threading.Event()

        def kill_at_the_second_chunk() -> bool:
            if stopper.is_set():
                victim.kill()
            stopper.set()
            return False

        found = prober.probe(
            [
                *[ping(first, second)] * 64,
                *[Ping(victim.source.id, second.ipv4, 1)] * 640,
            ],
            timeout_s=0.5,
            packets_per_second=64 / 0.02,
            should_stop=kill_at_the_second_chunk,
        )
        gone.get(timeout=5)

    results = {one.result for one in found[64:]}
    assert {Result.OK} == {one.result for one in found[:64]}
    assert {Result.NETNS_ERROR} == results - {Result.OK}


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


def test_a_stopped_prober_holds_nothing(netns_lab: MakePlainLab) -> None:
    """Every descriptor is closed, and what is asked afterwards is not measured."""
    lab = netns_lab(containers=1)
    before = descriptors()
    with running(lab) as prober:
        assert before < descriptors()
    assert before == descriptors()
    assert (NOT_PROBED,) == prober.probe([Ping(HOST, lab.bridges[0].ipv4, 1)])
    with pytest.raises(NetnsError):
        prober.sync([])


def test_a_prober_that_never_started() -> None:
    """It measures nothing and can be stopped."""
    prober = Prober(on_gone=lambda _: None)

    assert (NOT_PROBED,) == prober.probe([Lookup(HOST, "name", 4)])
    prober.stop()


def test_a_round_can_be_stopped(netns_lab: MakePlainLab) -> None:
    """What was not measured by then is skipped, never called unreachable."""
    lab = netns_lab(containers=2, bridges=2)
    first, second = lab.containers[:2]
    asked = iter([False, False, True])
    began_s = time.monotonic()
    with running(lab) as prober:
        found = prober.probe(
            [
                ping(first, second),
                ping(first, lab.containers[2]),
                *[ping(first, second)] * 10,
            ],
            timeout_s=5,
            should_stop=lambda: next(asked),
        )

    assert [Result.OK, Result.SKIPPED] + [Result.SKIPPED] * 10 == [
        one.result for one in found
    ]
    assert [1, 1] + [0] * 10 == [one.sent for one in found]
    assert time.monotonic() - began_s < 3


def test_stopping_the_prober_ends_a_round(netns_lab: MakePlainLab) -> None:
    """Shutting down waits for no timeout."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    found: list[tuple[Observation, ...]] = []
    with running(lab) as prober:
        thread = threading.Thread(
            target=lambda: found.append(
                prober.probe([ping(first, second)], timeout_s=30)
            )
        )
        thread.start()
        time.sleep(0.1)  # it is under way
        prober.stop()
        thread.join(5)

    assert [(NOT_PROBED,)] == found


def test_rounds_of_two_callers_follow_each_other(netns_lab: MakePlainLab) -> None:
    """Each gets its own results."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    found: list[tuple[Observation, ...]] = []
    with running(lab) as prober:
        threads = [
            threading.Thread(
                target=lambda count=count: found.append(
                    prober.probe([ping(first, second, count=count)])
                )
            )
            for count in (1, 2, 3, 4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    assert [1, 2, 3, 4] == sorted(one[0].received for one in found)


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
from exporter.icmp import Lookup, Ping, Prober, Source
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


def test_a_sandbox_without_a_visible_process(
    netns_lab: MakePlainLab, tmp_path: Path
) -> None:
    """Where no pid is seen, "no route" makes us look whether the sandbox is gone."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    key = tmp_path / "0a1b2c3d4e5f"
    key.symlink_to(first.path)
    source = Source(id=SandboxId("a"), namespace=NamespaceRef(path=str(key)))
    with watching(source) as (prober, gone):
        probe = Ping(source.id, second.ipv4, 1)
        working = probe_one(prober, probe)
        first.namespace.ip("link set eth0 down")
        broken = probe_one(prober, probe)
        key.unlink()
        ended = probe_one(prober, probe)

        assert source.id == gone.get(timeout=5)[0]
        assert {} == prober.identities()
    assert [Result.OK, Result.NO_ROUTE, Result.NETNS_ERROR] == [
        one.result for one in (working, broken, ended)
    ]
