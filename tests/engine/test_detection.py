"""A change on a real engine's host is noticed long before the next cycle is due."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.engine import faults
from tests.lab.engine import Engine
from tests.lab.fixtures import StartEngine
from tests.lab.service import Service, serving
from tests.lab.topology import Running, demo_topology

INTERVAL = "60s"
SOON_S = 5.0
"""Far below the interval, and far above what tests/bench/detection.py measures."""
FLUSH = "iptables -P FORWARD ACCEPT; iptables -F; iptables -t raw -F"
_ALL_FINE = {"as_expected": 24, "unverified": 0}
_LEAKS = {"kind": "unexpected_reachable", "ip_version": "4"}


@contextmanager
def flushed(engine: Engine) -> Iterator[None]:
    """Take the engine's rules away, and bring them back."""
    rules = engine.run_beside(["iptables-save"]).stdout
    engine.run_beside(["sh", "-c", FLUSH])
    try:
        yield
    finally:
        restore(engine, rules)


def restore(engine: Engine, rules: str, tool: str = "iptables-restore") -> None:
    """Bring rules back."""
    engine.run_beside(["sh", "-c", f"{tool} <<'END'\n{rules}END\n"])


def soon(true: Callable[[], bool], within_s: float = SOON_S) -> None:
    """Poll until something holds, in a bounded time."""
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, f"not within {within_s} s"
        time.sleep(0.02)


def leaks(service: Service) -> float:
    """Return the pairs that reach each other and must not."""
    return service.value("dockernet_pair_violations", **_LEAKS) or 0


def violations(service: Service) -> float:
    """Return the broken promises of any kind."""
    return service.value("dockernet_pair_violations") or 0


def active(service: Service) -> set[str]:
    """Return the sources of detection in use."""
    found = service.samples("dockernet_detection_source_active")
    return {dict(labels)["source"] for labels, on in found.items() if on}


def test_a_flushed_firewall_is_seen_at_once(demo: Running) -> None:
    """In the metrics and in the log, with who did it; and so is its return."""
    engine = demo.engine
    with serving(engine, interval=INTERVAL) as service:
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        soon(lambda: {"nftables", "links", "sysctls"} <= active(service), 15)
        with flushed(engine):
            soon(lambda: leaks(service) > 0)
            said = service.wait_for_log(lambda line: "change.noticed" in line)
            assert re.search(r"trigger=firewall .*processes=.*iptables", said)
            service.wait_for_log(lambda line: "verdict=unexpected_reachable" in line)
            service.wait_for_cycle(trigger="firewall")
        soon(lambda: leaks(service) == 0)
        changes = service.value("dockernet_detection_changes_total", source="nftables")
        assert (changes or 0) >= 2
        assert not service.value("dockernet_errors_total", stage="detection")


def test_a_leak_that_only_known_connections_have_is_over(demo: Running) -> None:
    """Rules let known ones through, and our own probes must not be one of them."""
    engine = demo.engine
    other = demo.bridge("mybridge")
    with serving(engine, interval="2s") as service:
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        soon(lambda: "nftables" in active(service), 15)
        with flushed(engine):
            soon(lambda: leaks(service) == 8)
            for rule in (
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "-i docker0 ! -o docker0 -j DROP",
                f"-i {other} ! -o {other} -j DROP",
            ):
                engine.iptables("-A", "FORWARD", *rule.split())
            soon(lambda: leaks(service) == 0, 30)


@pytest.mark.suites("host")
def test_a_lost_port_is_seen_at_once(demo: Running) -> None:
    """The container is broken for its network, within seconds."""
    engine = demo.engine
    with serving(
        engine,
        interval=INTERVAL,
        environment={"DOCKERNET_PROBE_GRACE_PERIOD": "0s"},
    ) as service:
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        soon(lambda: "links" in active(service), 15)
        with faults.port_lost(demo):
            service.wait_for_cycle(trigger="link")
            service.wait_for_log(lambda line: "verdict=unexpected_unreachable" in line)
        soon(lambda: violations(service) == 0)


@pytest.mark.suites("host")
def test_what_nobody_tells_is_looked_for(fresh_engine: StartEngine) -> None:
    """A sysctl, and rules of the older iptables: a notice says so, and both show."""
    engine = fresh_engine()
    with (
        demo_topology(engine),
        serving(engine, interval=INTERVAL) as service,
    ):
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        soon(lambda: "sysctls" in active(service), 15)
        assert "representatives" not in active(service)
        engine.run_in_host(["iptables-legacy", "-A", "FORWARD", "-j", "ACCEPT"])
        service.wait_for_log(lambda line: "iptables-legacy filter" in line)
        soon(lambda: "representatives" in active(service), 15)
        engine.host.set_sysctls({"net/ipv4/ip_forward": 0})
        service.wait_for_cycle(trigger="sysctl")


@pytest.mark.suites("host")
def test_without_the_capability_a_flush_is_found_within_seconds(
    demo: Running,
) -> None:
    """By representatives of every two networks; a notice says what is missing."""
    engine = demo.engine
    with serving(engine, interval=INTERVAL, without="net_admin") as service:
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        # Before or after the line of the first cycle.
        soon(lambda: any("nftables are not told" in line for line in service.log), 15)
        soon(lambda: "representatives" in active(service), 15)
        assert "nftables" not in active(service)
        with flushed(engine):
            service.wait_for_log(lambda line: "verdict=unexpected_reachable" in line)
            service.wait_for_cycle(trigger="watch")
            bounds = service.samples("dockernet_detection_bound_seconds")
            assert 5 <= bounds[frozenset({("source", "representatives")})] <= 15
        soon(lambda: leaks(service) == 0, 15)


@pytest.mark.suites("host")
def test_descriptors_do_not_grow_with_changes(demo: Running) -> None:
    """Sweeps and looks leave nothing open."""
    engine = demo.engine
    with serving(engine, interval=INTERVAL) as service:
        service.wait_for_cycle(trigger="start", **_ALL_FINE)
        soon(lambda: "nftables" in active(service), 15)
        with flushed(engine):
            service.wait_for_cycle(trigger="firewall")
        service.wait_for_cycle(trigger="firewall", **_ALL_FINE)
        before = service.descriptors
        for _ in range(2):
            with flushed(engine):
                service.wait_for_cycle(trigger="firewall", unexpected_reachable=8)
            service.wait_for_cycle(trigger="firewall", **_ALL_FINE)

        assert service.descriptors <= before
