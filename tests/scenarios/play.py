"""Playing a scenario: set it up as an operator would, tamper, look, take it back."""

import contextlib
import json
import re
import shlex
import time
from collections.abc import Iterator, Sequence

from tests.lab.engine import Engine
from tests.lab.exporter import Ran
from tests.lab.warm import WarmExporter
from tests.scenarios.scenario import HOST, Scenario

SOON = ("--timeout", "200ms")
"""The answers of one machine take below 1 ms, and silence is waited for often here."""
_IMAGE = "static:latest /sleep 2147483647"
_NO_DAD = ["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]
"""Bridges answer at once; else silent for a second or two while the kernel looks for
duplicates (RFC 4862, 5.4), when nothing passes by IPv6. That is what the grace period,
which is 0 here, is for. Without `dad_transmits` alone the kernel would still wait for a
random part of a second. docker0 is older than this, so it is waited for."""
_TENTATIVE = ["ip", "-6", "-json", "address", "show", "tentative"]
_DAD_LIMIT_S = 5.0
_AS_BEFORE_IPV6 = """
sysctl -qw net.ipv6.conf.all.forwarding=0
ip6tables -P FORWARD ACCEPT
"""
"""What an engine changes for good with its first network that has IPv6; taken back, it
is clean for the next scenario and does it again."""
_TABLES = ("iptables", "ip6tables")
_PLACEHOLDER = re.compile(r"\{(\w+) ([\w.-]+)\}")


@contextlib.contextmanager
def played(scenario: Scenario, engine: Engine) -> Iterator[None]:
    """Set up a scenario; at the end undo what the engine's own reset does not."""
    engine.run_in_host(_NO_DAD)
    _run(engine, scenario.prepare)
    _docker(engine, scenario.docker)
    _wait_for_ipv6(engine)
    firewall = _firewall(engine) if scenario.tamper else None
    try:
        _run(engine, scenario.tamper)
        yield
    finally:
        if firewall is not None:
            _restore(engine, firewall)
        _run(engine, scenario.undo)
        if _has_ipv6_first(scenario):
            engine.run_beside(["sh", "-euc", _AS_BEFORE_IPV6])


def _wait_for_ipv6(engine: Engine) -> None:
    """Wait until the kernel has no address in doubt; a link that is down stays so."""
    deadline_s = time.monotonic() + _DAD_LIMIT_S
    while any(
        "LOWER_UP" in link.get("flags", ())
        for link in json.loads(engine.run_in_host(_TENTATIVE).stdout or "[]")
    ):
        assert time.monotonic() < deadline_s, "an address stays tentative"
        time.sleep(0.02)


def _has_ipv6_first(scenario: Scenario) -> bool:
    """Return whether its networks are the engine's first with IPv6."""
    asked = any("--ipv6" in line for line in scenario.docker)
    return asked and "--ipv6" not in scenario.flags


def check(exporter: WarmExporter, engine: Engine, *more: str) -> Ran:
    """Run `check --json`; the containers count as old enough to answer."""
    return exporter.run(
        "check",
        "--json",
        *SOON,
        *more,
        engine=engine.base_url,
        environment={"DOCKERNET_PROBE_GRACE_PERIOD": "0s"},
    )


def _docker(engine: Engine, lines: Sequence[str]) -> None:
    """Run lines of the docker command line, in one shell.

    Containers that follow one another and do not mention each other are started at
    the same time.
    """
    script: list[str] = []
    started = 0
    for line in lines:
        if _can_wait(line):
            started += 1
            script.append(f"{_shell(line)} & p{started}=$!")
            continue
        script += [*_waits(started), _shell(line)]
        started = 0
    engine.run_beside(["sh", "-euc", "\n".join([*script, *_waits(started)])])


def _can_wait(line: str) -> bool:
    return line.startswith("run ") and not ("container:" in line or "--link" in line)


def _waits(started: int) -> list[str]:
    return [f"wait $p{number}" for number in range(1, started + 1)]


def _shell(line: str) -> str:
    if line.startswith("! "):
        return f"if {_shell(line[2:])} 2>/dev/null; then exit 9; fi"
    command = f"docker {line}"
    if line.startswith("run "):
        command = f"docker run -d {line[4:]} {_IMAGE}"
    elif line.startswith("create "):
        command = f"{command} {_IMAGE}"
    return f"{command} >/dev/null"


def _run(engine: Engine, commands: Sequence[tuple[str, str]]) -> None:
    """Run commands in the namespaces named."""
    for place, command in commands:
        argv = shlex.split(_filled(engine, command))
        if place == HOST:
            engine.run_beside(argv)
        else:
            engine.run_in_container(place, argv)


def _filled(engine: Engine, command: str) -> str:
    """Put in what only the engine knows: `{port kk}`, `{bridge n1}`."""

    def known(found: re.Match[str]) -> str:
        what, name = found.groups()
        return {"port": port_of, "bridge": bridge_of}[what](engine, name)

    return _PLACEHOLDER.sub(known, command)


def port_of(engine: Engine, container: str) -> str:
    """Return the host's end of a container's eth0."""
    show = ["ip", "-oneline", "link", "show"]
    inside = engine.run_in_container(container, [*show, "eth0"]).stdout
    index = inside.partition("@if")[2].partition(":")[0]
    outside = engine.run_in_host(show).stdout
    found = re.search(rf"^{index}: (veth\w+)@", outside, re.MULTILINE)
    assert found is not None, (inside, outside)
    return found[1]


def bridge_of(engine: Engine, network: str) -> str:
    """Return the interface of a bridge network in the host's namespace."""
    attributes = engine.docker.networks.get(network).attrs
    named = attributes["Options"].get("com.docker.network.bridge.name")
    return str(named or f"br-{attributes['Id'][:12]}")


def _firewall(engine: Engine) -> str:
    """Return a script that brings the firewall's rules back as they are."""
    return "\n".join(
        f"{table}-restore <<'END'\n{engine.run_beside([f'{table}-save']).stdout}END"
        for table in _TABLES
    )


def _restore(engine: Engine, firewall: str) -> None:
    engine.run_beside(["sh", "-euc", firewall])
