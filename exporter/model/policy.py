"""The user's policy: an ordered list of what should be so, first match wins.

It stands after Docker's promises and replaces what is expected of the pairs that an
entry fits, stricter or looser; what Docker itself promises stays on the decision. A
container with the label `dockernet.ignore` is left alone, whatever the policy says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Decision, Pair
from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    Container,
    IpVersion,
    Network,
    Sandbox,
    SandboxId,
    Topology,
)

OPT_OUT_LABEL = "dockernet.ignore"
"""Label of a container that nothing is probed from or to."""
OPTED_OUT = "opted-out"
"""Rule of such a pair's decision."""
_YES = frozenset({"", "1", "on", "true", "yes"})
EXPECTATIONS = {
    "reachable": Expected.REACHABLE,
    "isolated": Expected.ISOLATED,
    "ignore": Expected.UNKNOWN,
}
"""What an entry may say, and what is expected then."""
ALWAYS = date.min
"""A day on which no entry has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which ends an entry fits: each key that is given must, one of its globs."""

    network: tuple[str, ...] = ()
    """Of the source's route, or of the destination's address."""
    container: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    """KEY, or KEY=GLOB."""

    @property
    def names_containers(self) -> bool:
        """Return whether only containers can fit."""
        return bool(self.container or self.project or self.service or self.label)

    def fits_network(self, network: Network | None) -> bool:
        """Return whether a network fits; None, where there is none, never does."""
        if not self.network:
            return True
        return network is not None and _any_fits(
            self.network, network.name, network.raw_name
        )

    def fits_members(self, members: Iterable[Container]) -> bool:
        """Return whether the containers of one network stack fit.

        One of them must have the name, project and service; a label may be on any.
        """
        if not self.names_containers:
            return True
        found = tuple(members)
        return any(self._names(one) for one in found) and (
            not self.label or any(self._labels(one) for one in found)
        )

    def _names(self, one: Container) -> bool:
        return (
            (not self.container or _any_fits(self.container, one.name, one.raw_name))
            and (not self.project or _any_fits(self.project, one.project))
            and (not self.service or _any_fits(self.service, one.service))
        )

    def _labels(self, one: Container) -> bool:
        return any(_has_label(one, wanted) for wanted in self.label)


EVERYTHING = Selector()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEntry:
    """One entry: for which pairs, and what is expected of them."""

    source: Selector = EVERYTHING
    destination: Selector = EVERYTHING
    scopes: frozenset[Scope] = frozenset({Scope.CONTAINER})
    ip_version: IpVersion | None = None
    """None for both."""
    expected: Expected
    """Unknown where the pairs are to be ignored."""
    reason: str = ""
    until: date | None = None
    """In force through that day, UTC; None for ever."""

    @property
    def expiry(self) -> datetime | None:
        """Return the moment from which it decides nothing, None if it never ends."""
        if self.until is None or self.until == date.max:  # no day comes after it
            return None
        start = datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC)
        return start + timedelta(days=1)

    def has_expired(self, today: date) -> bool:
        """Return whether it decides nothing any more."""
        return self.until is not None and today > self.until

    def can_fit(self, scope: Scope, ip_version: IpVersion) -> bool:
        """Return whether any pair of a scope and family can fit.

        The host is nobody's container and on no network; a gateway is no container.
        """
        if scope not in self.scopes or self.ip_version not in (None, ip_version):
            return False
        if scope is Scope.HOST:
            return self.source == EVERYTHING
        return scope is not Scope.GATEWAY or not self.destination.names_containers


@dataclass(frozen=True, slots=True)
class Policy:
    """The entries in order; they are numbered from 1."""

    entries: tuple[PolicyEntry, ...] = ()

    def expired(self, today: date) -> tuple[tuple[int, PolicyEntry], ...]:
        """Return the entries that decide nothing any more, with their numbers."""
        return tuple(
            (number, entry)
            for number, entry in enumerate(self.entries, 1)
            if entry.has_expired(today)
        )

    def notices(self, today: date) -> tuple[str, ...]:
        """Return a line for each entry that decides nothing any more."""
        return tuple(
            f"policy entry {number}{f' ({entry.reason})' if entry.reason else ''} was "
            f"in force until {entry.until} and decides nothing any more"
            for number, entry in self.expired(today)
        )


NO_POLICY = Policy()


def is_opted_out(container: Container) -> bool:
    """Return whether a container asks to be left alone.

    Its label `dockernet.ignore` is true, yes, on, 1 or empty, in any case.
    """
    value = container.labels.get(OPT_OUT_LABEL)
    return value is not None and value.strip().lower() in _YES


def opted_out(topology: Topology) -> frozenset[SandboxId]:
    """Return the network stacks that are left alone: one of their containers asks."""
    return frozenset(
        sandbox.id
        for sandbox in topology.sandboxes
        if any(is_opted_out(one) for one in members_of(topology, sandbox))
    )


def members_of(topology: Topology, sandbox: Sandbox) -> tuple[Container, ...]:
    """Return the containers of a network stack, the owner first."""
    known = topology.container_by_id
    return tuple(known[member] for member in sandbox.members if member in known)


class Applied:
    """A policy on one topology and day: what its entries fit, found once.

    A set of entries is a number whose bits are the entries, so that a pair costs a
    few look-ups and no comparison of names.
    """

    def __init__(self, policy: Policy, topology: Topology, today: date) -> None:
        """Find out what each entry fits.

        Args:
            policy: the entries.
            topology: what exists.
            today: in UTC; entries that have expired fit nothing.
        """
        entries = policy.entries
        self._entries = entries
        self._kinds = {
            (scope, version): _bits(
                one.can_fit(scope, version) and not one.has_expired(today)
                for one in entries
            )
            for scope in Scope
            for version in IP_VERSIONS
        }
        everything = _bits(True for _ in entries)
        self._sources: dict[str, int] = {HOST: everything}
        self._destinations: dict[str | None, int] = {None: everything}
        for sandbox in topology.sandboxes:
            members = members_of(topology, sandbox)
            self._sources[sandbox.id] = _bits(
                one.source.fits_members(members) for one in entries
            )
            self._destinations[sandbox.id] = _bits(
                one.destination.fits_members(members) for one in entries
            )
        self._ways: dict[str | None, int] = {}
        self._targets: dict[str | None, int] = {}
        for network in (None, *topology.networks):
            key = None if network is None else network.id
            self._ways[key] = _bits(one.source.fits_network(network) for one in entries)
            self._targets[key] = _bits(
                one.destination.fits_network(network) for one in entries
            )
        self._opted_out: frozenset[str] = opted_out(topology)
        self._replaced: dict[tuple[int, int], tuple[Decision, Decision]] = {}

    def decide(self, pair: Pair, docker: Decision) -> Decision:
        """Return what is expected of a pair.

        Args:
            pair: of the topology.
            docker: what Docker promises for it.
        """
        if pair.source in self._opted_out or pair.destination in self._opted_out:
            return self._once(docker, 0)
        fitting = self._fitting(pair, docker)
        if not fitting:
            return docker
        return self._once(docker, (fitting & -fitting).bit_length())

    def marks(self, sandbox: SandboxId) -> tuple[int, int, bool]:
        """Return what the policy tells sandboxes apart by: alike marks, alike pairs."""
        return (
            self._sources[sandbox],
            self._destinations[sandbox],
            sandbox in self._opted_out,
        )

    def fitting(self, pair: Pair, docker: Decision) -> tuple[int, ...]:
        """Return the numbers of all entries that fit a pair, not only the first."""
        bits = self._fitting(pair, docker)
        return tuple(
            number
            for number in range(1, len(self._entries) + 1)
            if bits >> (number - 1) & 1
        )

    def _fitting(self, pair: Pair, docker: Decision) -> int:
        found = self._kinds[pair.scope, pair.ip_version]
        if found:
            found &= self._sources[pair.source] & self._destinations[pair.destination]
            way = self._ways.get(docker.source_network, self._ways[None])
            found &= way & self._targets[pair.network]
        return found

    def _once(self, docker: Decision, number: int) -> Decision:
        """Return a decision made once for each of Docker's and each entry.

        The key is the identity, as equality costs more than all the rest; what it
        belongs to is kept with the result, so nobody else can get it.
        """
        key = id(docker), number
        known = self._replaced.get(key)
        if known is None:
            known = docker, self._replace(docker, number)
            self._replaced[key] = known
        return known[1]

    def _replace(self, docker: Decision, number: int) -> Decision:
        if number == 0:
            return replace(
                docker, expected=Expected.UNKNOWN, rule=OPTED_OUT, opted_out=True
            )
        entry = self._entries[number - 1]
        return replace(
            docker,
            expected=entry.expected,
            rule=f"policy-{number}",
            promised=docker.expected,
            promised_by=docker.rule,
            policy=number,
            policy_reason=entry.reason,
        )


def _bits(flags: Iterable[bool]) -> int:
    return sum(1 << index for index, flag in enumerate(flags) if flag)


def _any_fits(globs: tuple[str, ...], *names: str | None) -> bool:
    return any(
        fnmatchcase(name, glob) for name in names if name is not None for glob in globs
    )


def _has_label(container: Container, wanted: str) -> bool:
    key, separator, glob = wanted.partition("=")
    value = container.labels.get(key)
    return value is not None and (not separator or fnmatchcase(value, glob))
