"""Faults of packet filters and sysctls, over the scene of `tampering`."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tests.engine.faults import FIRST
from tests.engine.tampering import flushed, inside, rule, sysctl
from tests.lab.topology import Running


def requests_rejected(scene: Running) -> AbstractContextManager[None]:
    """Reject what arrives at the container from outside."""
    text = "INPUT -i eth0 -p icmp -j REJECT"
    return inside(scene, FIRST, [f"iptables -A {text}"], [f"iptables -D {text}"])


def policy_drops(scene: Running) -> AbstractContextManager[None]:
    """Close the container's INPUT by its policy, but for itself."""
    text = "INPUT -i lo -j ACCEPT"
    return inside(
        scene,
        FIRST,
        [f"iptables -A {text}", "iptables -P INPUT DROP"],
        ["iptables -P INPUT ACCEPT", f"iptables -D {text}"],
    )


def user_drops(scene: Running) -> AbstractContextManager[None]:
    """Drop what leaves a bridge in DOCKER-USER: its own traffic too (br_netfilter)."""
    return rule(scene, f"DOCKER-USER -i {scene.bridge('mybridge')} -j DROP")


def host_input_dropped(scene: Running) -> AbstractContextManager[None]:
    """Drop what a bridge sends to the host."""
    return rule(scene, f"INPUT -i {scene.bridge('mybridge')} -j DROP")


def forward_dropped(scene: Running) -> AbstractContextManager[None]:
    """Drop a bridge's own traffic in FORWARD."""
    bridge = scene.bridge("mybridge")
    return rule(scene, f"FORWARD -i {bridge} -o {bridge} -j DROP")


def replies_dropped(scene: Running) -> AbstractContextManager[None]:
    """Drop echo replies inside the container: its requests go, and nothing returns."""
    text = "INPUT -i eth0 -p icmp --icmp-type echo-reply -j DROP"
    return inside(scene, FIRST, [f"iptables -A {text}"], [f"iptables -D {text}"])


def forward_flushed(scene: Running) -> AbstractContextManager[None]:
    """Flush FORWARD: what is left is its policy, which Docker closed."""
    return flushed(scene, "filter FORWARD")


def forwarding_off(scene: Running) -> AbstractContextManager[None]:
    """Switch forwarding off."""
    return sysctl(scene, "ipv4/ip_forward", 0)


def host_ignores(scene: Running) -> AbstractContextManager[None]:
    """Tell the host to ignore echo requests."""
    return sysctl(scene, "ipv4/icmp_echo_ignore_all", 1)


def bridge_filter_off(scene: Running) -> AbstractContextManager[None]:
    """Hide a bridge's own traffic from the packet filter."""
    return sysctl(scene, "bridge/bridge-nf-call-iptables", 0)


def icc_drop_deleted(scene: Running) -> AbstractContextManager[None]:
    """Delete the drop that enable_icc=false stands on, wherever it is."""
    bridge = scene.bridge("quiet")
    chains = ["FORWARD"]
    if scene.engine.release >= (28, 0):
        chains.append("DOCKER-FORWARD")
    return _replaced(scene, chains, f"-i {bridge} -o {bridge} -j DROP")


@contextmanager
def _replaced(scene: Running, chains: Sequence[str], text: str) -> Iterator[None]:
    """Delete a rule from the chain that has it, accept instead, and undo it."""
    tool = scene.engine.iptables
    for chain in chains:
        lines = tool("-S", chain).splitlines()
        wanted = f"-A {chain} {text}"
        if wanted not in lines:
            continue
        place = str(lines.index(wanted))
        accept = text.replace("DROP", "ACCEPT").split()
        tool("-R", chain, place, *accept)
        try:
            yield
        finally:
            tool("-R", chain, place, *text.split())
        return
    raise LookupError(text)


@contextmanager
def isolation_and_raw_flushed(scene: Running) -> Iterator[None]:
    """Flush every chain that keeps bridges apart."""
    chains = ["filter DOCKER-ISOLATION-STAGE-1"]
    if scene.engine.release >= (28, 0):
        chains += ["filter DOCKER", "raw PREROUTING"]
    with flushed(scene, *chains):
        yield


@contextmanager
def accepted_first(scene: Running) -> Iterator[None]:
    """Accept everything at the head of FORWARD, and flush table raw."""
    with rule(scene, "FORWARD -j ACCEPT"):
        if scene.engine.release < (28, 0):
            yield
            return
        with flushed(scene, "raw PREROUTING"):
            yield


def resolver_rules_flushed(scene: Running) -> AbstractContextManager[None]:
    """Flush the container's nat table, which leads to the engine's DNS."""
    saved = scene.engine.run_in_container(FIRST, ["iptables-save", "-t", "nat"]).stdout
    rules = [line for line in saved.splitlines() if line.startswith("-A ")]
    return inside(
        scene,
        FIRST,
        ["iptables -t nat -F"],
        [f"iptables -t nat {line}" for line in rules],
    )
