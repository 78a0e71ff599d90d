"""A packet's way through the packet filters of a scene, and whose rule decided."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.model.diagnosis.scene import End, Scene
from exporter.model.diagnosis.ways import HOST_NAME
from exporter.model.firewall import Hook, Packet, Step, Trace
from exporter.model.inspection import NamespaceFacts, PacketFilter
from exporter.model.outcome import Scope
from exporter.model.topology import IPAddress

DOCKER_USER = "DOCKER-USER"
"""The chain that Docker leaves to the user (docs: packet filtering)."""
_FORWARD_HOOKS = (Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING)
_CALL_NF = {
    4: "net.bridge.bridge-nf-call-iptables",
    6: "net.bridge.bridge-nf-call-ip6tables",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A packet at one hook of one namespace."""

    where: str
    hook: Hook
    trace: Trace

    @property
    def line(self) -> str:
        """What decided, for a reader."""
        return described(self.where, self.trace.decided_by)


def described(where: str, step: Step | None) -> str:
    """Return a rule with its place: `host, table filter, chain X: -A X -j DROP`."""
    if step is None:
        return f"{where}: no rule at all"
    return f"{where}, table {step.table}, chain {step.chain}: {step.rule}"


def call_nf(scene: Scene) -> str:
    """Return the sysctl that shows a bridge's own traffic to the packet filter."""
    return _CALL_NF[scene.state.pair.ip_version]


def filter_of(scene: Scene, facts: NamespaceFacts) -> PacketFilter | None:
    """Return a namespace's packet filter for the pair's family, None if unread."""
    return facts.filters.get(scene.state.pair.ip_version)


def is_under(trace: Trace, chain: str) -> bool:
    """Return whether the rule that decided was reached through a chain.

    The path tells every rule that fitted; the jump to a chain is the last one before
    it that names it.
    """
    step = trace.decided_by
    if step is None:
        return False
    current = step.chain
    for before in reversed(trace.path[:-1]):
        if current == chain:
            return True
        words = before.rule.split()
        if before.chain != current and words[-1:] == [current]:
            current = before.chain
    return current == chain


def passages(scene: Scene, *, reply: bool = False) -> Iterator[Passage]:
    """Yield what becomes of the request, or of its reply, hook by hook.

    Only hooks of namespaces whose filter was read; nothing after a hook at which it
    was dropped would be met, but is told all the same.
    """
    pair = scene.state.pair
    there, back = scene.source, scene.destination
    if reply:
        there, back = back, there
    path = _Path(scene, reply=reply)
    if path.ends is None:
        return
    if there is not None:
        yield from path.out_of(there)
    yield from _on_host(path, scene, there, back, pair.scope)
    if back is not None:
        yield from path.into(back)


def _on_host(
    path: "_Path", scene: Scene, there: End | None, back: End | None, scope: Scope
) -> Iterator[Passage]:
    if scope is Scope.HOST or scope is Scope.GATEWAY:
        end = there or back
        bridge = end.bridge.name if end is not None and end.bridge else None
        if bridge is None:
            return
        if there is None:
            yield from path.at_host(None, bridge, Hook.OUTPUT, Hook.POSTROUTING)
        else:
            yield from path.at_host(bridge, None, Hook.PREROUTING, Hook.INPUT)
        return
    if there is None or back is None or not (there.on_bridge and back.on_bridge):
        return
    if scene.same_bridge and scene.host.sysctls.get(call_nf(scene)) != "1":
        return
    if there.bridge is not None and back.bridge is not None:
        names = there.bridge.name, back.bridge.name
        # The reply to a masqueraded request is for the host until it is forwarded.
        hooks = (Hook.FORWARD,) if path.reply and scene.crosses else _FORWARD_HOOKS
        yield from path.at_host(*names, *hooks)


class _Path:
    """Where a packet goes, one namespace after the other."""

    def __init__(self, scene: Scene, *, reply: bool) -> None:
        self._scene = scene
        self.reply = reply
        ends = ends_of(scene)
        self.ends = ends if ends is None or not reply else (ends[1], ends[0])

    def out_of(self, end: End) -> Iterator[Passage]:
        """Yield what a container does to what it sends."""
        if end.interface is not None:
            name = end.interface.name
            yield from self._at(
                end.name, end.seen, None, name, Hook.OUTPUT, Hook.POSTROUTING
            )

    def into(self, end: End) -> Iterator[Passage]:
        """Yield what a container does to what arrives."""
        if end.interface is not None:
            name = end.interface.name
            yield from self._at(
                end.name, end.seen, name, None, Hook.PREROUTING, Hook.INPUT
            )

    def at_host(
        self, into: str | None, out: str | None, *hooks: Hook
    ) -> Iterator[Passage]:
        """Yield what the host does at some hooks."""
        yield from self._at(HOST_NAME, self._scene.host, into, out, *hooks)

    def _at(
        self,
        where: str,
        facts: NamespaceFacts,
        into: str | None,
        out: str | None,
        *hooks: Hook,
    ) -> Iterator[Passage]:
        rules = filter_of(self._scene, facts)
        if rules is None or self.ends is None:
            return
        source, destination = self._ends_in(facts, self.ends)
        for hook in hooks:
            before_routing = hook is Hook.PREROUTING
            past_entry = hook is Hook.POSTROUTING
            packet = Packet(
                ip_version=self._scene.state.pair.ip_version,
                source=source,
                destination=destination,
                in_interface=None if past_entry else into,
                out_interface=None if before_routing else out,
                reply=self.reply,
            )
            yield Passage(where=where, hook=hook, trace=rules.trace(hook, packet))

    def _ends_in(
        self, facts: NamespaceFacts, ends: tuple[IPAddress, IPAddress]
    ) -> tuple[IPAddress, IPAddress]:
        """Return source and destination as they are seen in a namespace."""
        end = self._scene.destination
        if end is None or facts is not end.facts or not self._scene.masqueraded:
            return ends
        host = end.gateway
        if host is None:
            return ends
        return (ends[0], host) if self.reply else (host, ends[1])


def ends_of(scene: Scene) -> tuple[IPAddress, IPAddress] | None:
    """Return source and destination address; None where one is not known."""
    pair = scene.state.pair
    if pair.scope is Scope.HOST:
        source = None if scene.destination is None else scene.destination.gateway
    else:
        source = None if scene.source is None else scene.source.address
    return None if source is None else (source, pair.address)
