"""How soon the prober lets go of containers that end."""

import statistics
import threading
import time
from pathlib import Path

from exporter.icmp.probes import Lookup, Ping, Source
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from tests.lab.fixtures import MakePlainLab
from tests.netns.mortal import mortal
from tests.netns.probing import (
    ping,
    probe_one,
    sandbox,
    sources_of,
    watching,
)


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
