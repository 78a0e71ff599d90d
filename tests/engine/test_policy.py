"""A policy on a real engine: what it accepts, forbids and ignores, and for how long."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.lab.engine import Engine
from tests.lab.exporter import Pair, Ran, named, run_exporter
from tests.lab.service import serving
from tests.lab.topology import ContainerSpec, Running

CHAIN = "DOCKER-ISOLATION-STAGE-1"
NOW = datetime.now(UTC)  # noqa: TID251 - entries end by the machine's own calendar
YESTERDAY = (NOW - timedelta(days=1)).date()
NEXT_WEEK = (NOW + timedelta(days=7)).date()
ACCEPT = f"""\
policy:
  - from: {{network: bridge}}
    to: {{network: mybridge}}
    expect: reachable
    reason: a known leak
    until: {NEXT_WEEK}
"""
STRICT = """\
policy:
  - from: {container: mybridge1}
    to: {container: mybridge2}
    expect: isolated
    reason: they must not talk
"""
IGNORE = """\
policy:
  - to: {network: mybridge}
    scope: [container, host]
    expect: ignore
"""
EXPIRED = ACCEPT.replace(str(NEXT_WEEK), str(YESTERDAY))
FAST = {"DOCKERNET_PROBE_GRACE_PERIOD": "0s"}

pytestmark = pytest.mark.suites("host")


@contextmanager
def isolation_flushed(engine: Engine) -> Iterator[None]:
    """Flush the chain that isolates, and put its rules back at the end."""
    if engine.release >= (28, 0):
        pytest.skip("this engine isolates in more places than one chain")
    rules = engine.iptables("-S", CHAIN).splitlines()
    engine.iptables("-F", CHAIN)
    try:
        yield
    finally:
        for rule in rules:
            if rule.startswith("-A"):
                engine.iptables(*rule.split())


def check(demo: Running, folder: Path, policy: str) -> Ran:
    """Run `check --json` by a policy."""
    file = folder / "policy.yaml"
    file.write_text(policy)
    arguments = ("check", "--json", "--timeout", "300ms", "--config.file", str(file))
    return run_exporter(*arguments, engine=demo.engine.base_url, environment=FAST)


def pair_of(ran: Ran, name: str) -> Pair:
    """Return a pair by its name."""
    return next(pair for pair in ran.pairs if named(pair) == name)


def test_a_known_leak_is_accepted(demo: Running, tmp_path: Path) -> None:
    """One way only: the four pairs of the other way are violations."""
    with isolation_flushed(demo.engine):
        ran = check(demo, tmp_path, ACCEPT)

    assert (1, {"as_expected": 20, "unexpected_reachable": 4}) == (
        ran.status,
        ran.summary,
    )
    accepted = pair_of(ran, "container bridge1 mybridge1")
    assert {
        "expected": "reachable",
        "expected_by": "policy-1",
        "promised": "isolated",
        "promised_by": "different-bridges",
        "policy": {"entry": 1, "reason": "a known leak"},
        "observed": "reachable",
        "verdict": "as_expected",
    }.items() <= accepted.items()
    assert "policy" not in pair_of(ran, "container mybridge1 bridge1")


def test_an_accepted_leak_that_is_closed_shows(demo: Running, tmp_path: Path) -> None:
    """Expected to be reachable and silent: so the entry can go, and says so."""
    ran = check(demo, tmp_path, ACCEPT)

    assert 1 == ran.status
    assert {
        "unexpected_unreachable": frozenset(
            f"container bridge{a} mybridge{b}" for a in (1, 2) for b in (1, 2)
        )
    } == ran.wrong


def test_stricter_than_docker(demo: Running, tmp_path: Path) -> None:
    """A reply on one bridge breaks it; silence keeps it, both ends being alive."""
    broken = check(demo, tmp_path, STRICT)
    engine, address = demo.engine, demo.address("mybridge1", "mybridge")
    drop = ["iptables", "-I", "INPUT", "-s", address, "-p", "icmp", "-j", "DROP"]
    drop += ["-m", "icmp", "--icmp-type", "echo-request"]
    pid = str(engine.pid_of("mybridge2"))
    inside = ["nsenter", "-t", pid, "-n", "--"]
    engine.run_in_host([*inside, *drop])
    kept = check(demo, tmp_path, STRICT)

    assert {
        "unexpected_reachable": frozenset({"container mybridge1 mybridge2"})
    } == broken.wrong
    assert (0, {}) == (kept.status, kept.wrong)
    pair = pair_of(kept, "container mybridge1 mybridge2")
    assert ("isolated", "unreachable", {"source": True, "destination": True}) == (
        pair["expected"],
        pair["observed"],
        pair["controls"],
    )


def test_ignored(demo: Running, tmp_path: Path) -> None:
    """Probed and shown, not judged, and still the control of others."""
    ran = check(demo, tmp_path, IGNORE)

    assert (0, {"as_expected": 16, "not_judged": 8}) == (ran.status, ran.summary)
    host = pair_of(ran, "host host mybridge1")
    assert ("unknown", "reachable", "policy-1", "reachable") == (
        host["expected"],
        host["promised"],
        host["expected_by"],
        host["observed"],
    )


def test_an_expired_entry_decides_nothing(demo: Running, tmp_path: Path) -> None:
    """Docker's promise is back, a notice says why."""
    with isolation_flushed(demo.engine):
        ran = check(demo, tmp_path, EXPIRED)

    assert (1, {"as_expected": 16, "unexpected_reachable": 8}) == (
        ran.status,
        ran.summary,
    )
    notice = f"policy entry 1 (a known leak) was in force until {YESTERDAY} and"
    assert [f"{notice} decides nothing any more"] == ran.document["notices"]


def raw_sockets(engine: Engine, name: str) -> int:
    """Return how many raw IPv4 sockets there are in a container's namespace."""
    table = Path(f"/proc/{engine.pid_of(name)}/net/raw").read_text()
    return len(table.splitlines()) - 1


def test_opting_out(demo: Running, tmp_path: Path) -> None:
    """No socket in its namespace, no packet to it; its pairs stay visible."""
    demo.add(
        ContainerSpec(
            name="alone", networks=("mybridge",), labels={"dockernet.ignore": "true"}
        )
    )
    with serving(demo.engine, environment=FAST) as service:
        service.wait_for_cycle(as_expected=24, unverified=0)
        sockets = {one: raw_sockets(demo.engine, one) for one in ("alone", "mybridge1")}
        assert service.value("dockernet_pair_violations") == 0
    ran = check(demo, tmp_path, "policy: []\n")
    mine = [p for p in ran.pairs if "alone" in (p["source"], p["destination"])]

    assert sockets["mybridge1"] > 0 == sockets["alone"]
    assert (0, 24) == (ran.status, ran.summary["as_expected"])
    assert {("opted-out", "unknown", "not_probed", "not_judged")} == {
        (p["expected_by"], p["expected"], p["observed"], p["verdict"]) for p in mine
    }
    assert {"container", "host", "gateway", "name"} == {p["scope"] for p in mine}


def has(first: str, second: str, line: str) -> bool:
    """Return whether a line of the log has both."""
    return first in line and second in line


def test_reload(demo: Running, tmp_path: Path) -> None:
    """A bad policy leaves the old one in force, and says all that is wrong with it."""
    file = tmp_path / "policy.yaml"
    file.write_text(STRICT)
    arguments = ("--config.file", str(file))
    with serving(demo.engine, arguments=arguments, environment=FAST) as service:
        service.wait_for_cycle(unexpected_reachable=1)
        assert service.value("dockernet_policy_pairs", expect="isolated") == 1
        file.write_text(f"{STRICT}  - expect: deny\n  - until: soon\n")
        service.signal(signal.SIGHUP)
        for line, path in ((6, "[1].expect"), (7, "[2].expect"), (7, "[2].until")):
            wanted = f"{file}:{line}: policy{path}: "
            service.wait_for_log(partial(has, "config.rejected", wanted))
        assert service.value("dockernet_config_last_reload_successful") == 0
        service.wait_for_cycle(unexpected_reachable=1)
        assert service.value("dockernet_policy_entries", state="active") == 1

        file.write_text(EXPIRED)
        service.signal(signal.SIGHUP)
        service.wait_for_log(partial(has, "policy.expired", f"until={YESTERDAY}"))
        service.wait_for_cycle(as_expected=24, unverified=0)
        assert service.value("dockernet_config_last_reload_successful") == 1
        assert service.value("dockernet_policy_entries", state="expired") == 1
        assert service.value("dockernet_policy_entry_expired", entry="1") == 1
        service.wait_for_cycle(as_expected=24)
    assert 1 == sum("policy.expired" in line for line in service.log)


def test_policy_test(demo: Running, tmp_path: Path) -> None:
    """Which pairs each entry decides on the running engine; nothing is probed."""
    file = tmp_path / "policy.yaml"
    file.write_text(
        ACCEPT
        + STRICT.partition("\n")[2]
        + "  - from: {container: bridge1}\n"
        + "    to: {container: mybridge1}\n"
        + "    expect: isolated\n"
        + "  - {to: {container: nobody}, expect: ignore}\n"
    )
    text = run_exporter("policy", "test", str(file), engine=demo.engine.base_url)
    ran = run_exporter(
        "policy", "test", "--json", str(file), engine=demo.engine.base_url
    )
    entries = json.loads(ran.out)["entries"]

    assert (0, "", 0, "") == (text.status, text.err, ran.status, ran.err)
    assert [(4, 4, 0, None), (1, 0, 1, None)] == [
        (e["decides"], e["looser"], e["stricter"], e["why_none"]) for e in entries[:2]
    ]
    assert {f"container bridge{a} mybridge{b}" for a in (1, 2) for b in (1, 2)} == {
        named(pair) for pair in entries[0]["pairs"]
    }
    assert [
        "entry 1 decides 1 pair that it fits",
        "to: no running container fits container nobody",
    ] == [e["why_none"] for e in entries[2:]]
    assert "bridge1, bridge2 → mybridge1, mybridge2" in text.out


def test_policy_test_needs_an_engine(tmp_path: Path) -> None:
    """Without one there is nothing to show; a bad file comes first."""
    file = tmp_path / "policy.yaml"
    nowhere = f"unix://{tmp_path}/none.sock"
    file.write_text(STRICT)
    away = run_exporter("policy", "test", str(file), engine=nowhere)
    file.write_text("policy:\n  - {}\n")
    bad = run_exporter("policy", "test", str(file), engine=nowhere)

    assert (3, "") == (away.status, away.out)
    assert (2, "", f"error: {file}:2: policy[0].expect: is missing\n") == (
        bad.status,
        bad.out,
        bad.err,
    )
