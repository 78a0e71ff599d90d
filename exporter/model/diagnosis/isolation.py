"""The rules with which Docker keeps two bridges apart, and which of them are gone.

Three layers, all of which a packet has to pass (moby `daemon/libnetwork/drivers/
bridge/internal/iptabler/iptablesdoc`, and the rules of engines 20.10, 26.1, 28.5):

- the chains DOCKER-ISOLATION-STAGE-1 and -2, until engine 28;
- from 28 a drop of what enters a bridge from elsewhere, in chain DOCKER;
- from 28 a drop of the container's own address in table raw.

With enable_icc=false one more drop stands for a bridge's own traffic. A rule counts as
there if the words that make it work are; others (counters, comments) do not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporter.model.inspection import PacketFilter
from exporter.model.topology import IPAddress, IpVersion, Network

FILTER: Final = "filter"
STAGE_1: Final = "DOCKER-ISOLATION-STAGE-1"
STAGE_2: Final = "DOCKER-ISOLATION-STAGE-2"
FORWARD: Final = "FORWARD"
DOCKER_FORWARD: Final = "DOCKER-FORWARD"
_CHAINS: Final = ("DOCKER", STAGE_1, DOCKER_FORWARD)
"""Chains of Docker's own; DOCKER-USER may be the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What Docker's rules should hold for packets from one bridge to another."""

    rules: PacketFilter
    engine_major: int
    ip_version: IpVersion
    source: Network
    destination: Network
    address: IPAddress

    @property
    def are_there_at_all(self) -> bool:
        """Return whether any chain of Docker's own exists."""
        return any(self.rules.chain(FILTER, name) is not None for name in _CHAINS)

    def missing(self) -> tuple[str, ...]:
        """Return what is gone of the chains' layers, a line each."""
        if self.source.id == self.destination.id:
            return tuple(self._missing_icc())
        return (*self._missing_stages(), *self._missing_entry())

    def raw_is_missing(self) -> bool:
        """Return whether the drop in table raw should be there and is not."""
        if self.engine_major < 28 or self.source.id == self.destination.id:
            return False
        nat = self.destination.gateway_mode(self.ip_version) == "nat"
        if not nat or self.destination.internal:
            return False
        rules = self.rules.chain("raw", "PREROUTING") or ()
        wanted = f"{self.address}/{self.address.max_prefixlen}"
        return not any(
            _has(rule, "-d", wanted) or _has(rule, "-d", str(self.address))
            for rule in rules
        )

    def _missing_stages(self) -> Iterator[str]:
        first = self.rules.chain(FILTER, STAGE_1)
        if first is None:
            if self.engine_major < 29:
                yield f"host, table filter: there is no chain {STAGE_1}"
            return
        yield from self._missing_jump(STAGE_1)
        leaving, entering = self.source, self.destination
        if leaving.internal or entering.internal:
            if not any(_drops(rule) and self._names_one(rule) for rule in first):
                yield (
                    f"host, table filter, chain {STAGE_1}: no drop for the internal "
                    f"network's bridge"
                )
            return
        if not any(
            _has(rule, "-i", f"{leaving.bridge}") and _jumps(rule, STAGE_2)
            for rule in first
        ):
            yield f"host, table filter, chain {STAGE_1}: {_size(first, leaving.bridge)}"
        second = self.rules.chain(FILTER, STAGE_2) or ()
        if not any(_drops(r) and _has(r, "-o", f"{entering.bridge}") for r in second):
            yield (
                f"host, table filter, chain {STAGE_2}: {_size(second, entering.bridge)}"
            )

    def _names_one(self, rule: str) -> bool:
        return _has(rule, "-o", f"{self.destination.bridge}") or _has(
            rule, "-i", f"{self.source.bridge}"
        )

    def _missing_entry(self) -> Iterator[str]:
        """Yield what is gone of the drop at the entry of a bridge (from 28)."""
        if self.engine_major < 28 or self.destination.internal:
            return
        bridge = f"{self.destination.bridge}"
        rules = self.rules.chain(FILTER, "DOCKER") or ()
        if not any(_drops(rule) and _has(rule, "-o", bridge) for rule in rules):
            yield f"host, table filter, chain DOCKER: {_size(rules, bridge)}"
        yield from self._missing_jump("DOCKER-BRIDGE")

    def _missing_icc(self) -> Iterator[str]:
        bridge = f"{self.source.bridge}"
        for chain in (FORWARD, DOCKER_FORWARD):
            for rule in self.rules.chain(FILTER, chain) or ():
                if (
                    _drops(rule)
                    and _has(rule, "-i", bridge)
                    and _has(rule, "-o", bridge)
                ):
                    yield from self._missing_jump(None)
                    return
        yield f"host, table filter: no drop from {bridge} to itself (enable_icc=false)"

    def _missing_jump(self, to: str | None) -> Iterator[str]:
        """Yield which jump on the way from FORWARD to a chain is gone."""
        forward = self.rules.chain(FILTER, FORWARD) or ()
        own = self.rules.chain(FILTER, DOCKER_FORWARD)
        if own is not None and not any(
            _jumps(rule, DOCKER_FORWARD) for rule in forward
        ):
            yield f"host, table filter, chain {FORWARD}: no jump to {DOCKER_FORWARD}"
        if to and not any(_jumps(rule, to) for rule in (*forward, *(own or ()))):
            where = FORWARD if own is None else DOCKER_FORWARD
            yield f"host, table filter, chain {where}: no jump to {to}"


def _size(rules: tuple[str, ...], bridge: str | None) -> str:
    return f"no rule for {bridge}" if rules else "empty"


def _drops(rule: str) -> bool:
    return _has(rule, "-j", "DROP")


def _jumps(rule: str, chain: str) -> bool:
    return _has(rule, "-j", chain)


def _has(rule: str, option: str, value: str) -> bool:
    """Return whether a rule has an option with a value, negated or not."""
    words = rule.split()
    return any(words[i : i + 2] == [option, value] for i in range(len(words) - 1))
