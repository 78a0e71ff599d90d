"""A network in memory: says which address answers whom, for tests of cycles."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from exporter.icmp.probes import Lookup, Ping
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HostInterface, SandboxId, Topology
from exporter.netns import NetnsId

Answer = Callable[[str, str, int], Result]
"""Source, destination address, number of the probe call from 1: the result."""


class FakeProber:
    """Answers each probe by a function, and remembers what it was asked."""

    def __init__(self, topology: Topology, answer: Answer) -> None:
        """Bind to a topology, whose own addresses answer unless told otherwise."""
        self._answer = answer
        self._down: set[SandboxId] = set()
        self._topology = topology
        self.calls: list[Sequence[Ping | Lookup]] = []
        self.renewed: list[int] = []
        """The numbers of calls before which the identifier was renewed, from 0."""
        self.replaced: set[SandboxId] = set()
        """Sandboxes that get another namespace with the first probe."""

    def set_link_down(self, *sandboxes: str) -> None:
        """Report the links of sandboxes as down."""
        self._down.update(SandboxId(name) for name in sandboxes)

    def probe(
        self,
        probes: Sequence[Ping | Lookup],
        *,
        timeout_s: float,
        packets_per_second: float,
    ) -> tuple[Observation, ...]:
        """Return an observation for each probe."""
        assert timeout_s > 0
        assert packets_per_second > 0
        self.calls.append(probes)
        return tuple(self._observe(probe) for probe in probes)

    def ping(
        self, pings: Sequence[Ping], *, timeout_s: float, packets_per_second: float
    ) -> "FakeObservations":
        """Return what becomes of pings, to be asked for."""
        return FakeObservations(
            self.probe(
                pings, timeout_s=timeout_s, packets_per_second=packets_per_second
            )
        )

    def _observe(self, probe: Ping | Lookup) -> Observation:
        if isinstance(probe, Lookup):
            result = self._answer(probe.source, probe.name, len(self.calls))
            return Observation(result=result, sent=1, received=1)
        target = f"own {probe.destination}" if probe.own else str(probe.destination)
        result = self._answer(probe.source, target, len(self.calls))
        received = probe.count if result is Result.OK else 0
        return Observation(
            result=result,
            sent=probe.count,
            received=received,
            rtts_s=(50e-6,) * received,
        )

    def identities(self) -> Mapping[SandboxId, NetnsId]:
        """Return a namespace for each sandbox."""
        return {
            sandbox.id: NetnsId(
                2 * number + bool(sandbox.id in self.replaced and self.calls)
            )
            for number, sandbox in enumerate(self._topology.sandboxes)
        }

    def renew(self) -> None:
        """Remember when."""
        self.renewed.append(len(self.calls))

    def interfaces(self, source: SandboxId) -> tuple[HostInterface, ...]:
        """Return one interface with all the sandbox's addresses."""
        sandbox = self._topology.sandbox_by_id.get(source)
        addresses = [
            (found.address, found.prefix_length)
            for endpoint in (sandbox.endpoints if sandbox else ())
            for found in endpoint.addresses
        ]
        return (
            HostInterface(
                name="eth0",
                index=2,
                up=source not in self._down,
                mtu=1500,
                mac=None,
                addresses=tuple(addresses),
            ),
        )


class FakeObservations(tuple[Observation, ...]):
    """Observations that can be asked for their results alone."""

    __slots__ = ()

    def results(self) -> Iterator[Result]:
        """Yield the result of each."""
        return (one.result for one in self)


def docker_like(topology: Topology) -> Answer:
    """Return a world that keeps every promise of plain bridges."""
    prefixes = {
        sandbox.id: [
            subnet.prefix
            for endpoint in sandbox.endpoints
            for subnet in topology.network_by_id[endpoint.network_id].subnets
        ]
        for sandbox in topology.sandboxes
    }

    def answer(source: str, target: str, _: int) -> Result:
        if target.startswith("own "):
            return Result.OK
        try:
            address = ip_address(target)
        except ValueError:
            return Result.NO_RESOLVER
        own = prefixes.get(SandboxId(source))
        if own is None or any(address in prefix for prefix in own):
            return Result.OK
        return Result.TIMEOUT

    return answer


def but(base: Answer, result: Result, cases: Iterable[tuple[str, str]]) -> Answer:
    """Return a world in which some (source, target) differ; `*` is anybody."""
    wanted = set(cases)

    def answer(source: str, target: str, call: int) -> Result:
        if wanted & {(source, target), ("*", target), (source, "*")}:
            return result
        return base(source, target, call)

    return answer
