"""Packet filters that do what a test says, and the rules that Docker has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.model.firewall import Fate, Hook, Packet, Step, Trace
from exporter.model.topology import Topology

Chains = Mapping[tuple[str, str], tuple[str, ...]]
ACCEPTED = Trace(fate=Fate.ACCEPT, decided_by=None, path=())


@dataclass(frozen=True, slots=True)
class FakeFilter:
    """A packet filter that does with packets what the test says."""

    chains: Chains = field(default_factory=dict)
    traces: Mapping[Hook, Trace] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return the rules given for it."""
        return self.chains.get((table, name))

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Return the trace given for the hook; without one everything passes."""
        del packet
        return self.traces.get(hook, ACCEPTED)


def stopped(*path: Step, fate: Fate = Fate.DROP) -> Trace:
    """Return a trace that ends with the last of some steps."""
    return Trace(fate=fate, decided_by=path[-1], path=path)


def accepted(*path: Step) -> Trace:
    """Return a trace that the last of some steps accepts."""
    return stopped(*path, fate=Fate.ACCEPT)


def step(chain: str, rule: str, table: str = "filter") -> Step:
    """Return a step; the rule is what stands behind the chain's name."""
    return Step(table=table, chain=chain, rule=f"-A {chain} {rule}")


RESOLVER_RULES: Chains = {
    ("nat", "OUTPUT"): ("-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT",),
    ("nat", "DOCKER_OUTPUT"): (
        (
            "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT "
            "--to-destination 127.0.0.11:44305"
        ),
        (
            "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT "
            "--to-destination 127.0.0.11:33002"
        ),
    ),
}


def docker_rules(topology: Topology) -> Chains:
    """Return the rules that engine 28.5 has for a topology's networks."""
    bridged = [one for one in topology.networks if one.bridge is not None]
    first, second, entry, forward = [], [], [], []
    for one in bridged:
        name = one.bridge
        entry.append(f"-A DOCKER ! -i {name} -o {name} -j DROP")
        second.append(f"-A DOCKER-ISOLATION-STAGE-2 -o {name} -j DROP")
        stage = "-A DOCKER-ISOLATION-STAGE-1"
        if one.internal:
            first.append(f"{stage} ! -s {one.subnets[0].prefix} -o {name} -j DROP")
            first.append(f"{stage} ! -d {one.subnets[0].prefix} -i {name} -j DROP")
        else:
            jump = f"-i {name} ! -o {name} -j DOCKER-ISOLATION-STAGE-2"
            first.append(f"{stage} {jump}")
        target = "ACCEPT" if one.icc else "DROP"
        forward.append(f"-A DOCKER-FORWARD -i {name} -o {name} -j {target}")
    raw = [
        f"-A PREROUTING -d {found.address}/{found.address.max_prefixlen} ! -i "
        f"{topology.network_by_id[endpoint.network_id].bridge} -j DROP"
        for sandbox in topology.sandboxes
        for endpoint in sandbox.endpoints
        for found in endpoint.addresses
    ]
    return {
        ("raw", "PREROUTING"): tuple(raw),
        ("filter", "FORWARD"): (
            "-A FORWARD -j DOCKER-USER",
            "-A FORWARD -j DOCKER-FORWARD",
        ),
        ("filter", "DOCKER-USER"): (),
        ("filter", "DOCKER-FORWARD"): (
            "-A DOCKER-FORWARD -j DOCKER-CT",
            "-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1",
            "-A DOCKER-FORWARD -j DOCKER-BRIDGE",
            *forward,
        ),
        ("filter", "DOCKER-ISOLATION-STAGE-1"): tuple(first),
        ("filter", "DOCKER-ISOLATION-STAGE-2"): tuple(second),
        ("filter", "DOCKER"): tuple(entry),
    }
