"""What Docker promises for a pair: an ordered list of rules, first match wins.

A promise is not a forecast: isolation is promised for both families on every
engine, also where an engine is known to leak (IPv6 before 27), and whatever flags
the daemon was started with. Sources: moby `integration/internal/network`,
`daemon/libnetwork/drivers/bridge/internal/iptabler/iptablesdoc`, and measurements
on engines 20.10, 26.1 and 28.5.
"""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Decision, Pair
from exporter.model.routing import (
    KNOWN_DRIVERS,
    UNDERLAY_DRIVERS,
    Route,
    bridge_has_address,
    route_of,
)
from exporter.model.topology import (
    HOST,
    Container,
    ContainerId,
    IpVersion,
    Network,
    NetworkId,
    Topology,
)

REACHABLE, ISOLATED, UNKNOWN = Expected.REACHABLE, Expected.ISOLATED, Expected.UNKNOWN

_IGNORE_ECHO = {
    4: ("net.ipv4.icmp_echo_ignore_all",),
    6: ("net.ipv6.icmp.echo_ignore_all",),
}
_DISABLE_IPV6 = (
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.default.disable_ipv6",
)
RESOLVERLESS = frozenset({"bridge", "host", "none"})
"""Predefined networks: a container on these alone gets no embedded DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at; everything else about a pair does not matter."""

    scope: Scope
    ip_version: IpVersion
    engine_major: int
    product: str
    network: Network
    """The destination address's network."""
    via: Network | None
    """Network of the interface that the source's route uses."""
    route: Route
    silenced: bool
    """The destination was created with a sysctl that ignores echo requests."""
    ipv6_disabled: bool
    """An end was created with IPv6 switched off."""

    @property
    def shared(self) -> bool:
        """Return whether source and destination meet on the address's network."""
        return self.via is not None and self.via.id == self.network.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of Docker's promise."""

    id: str
    expected: Expected
    sentence: str
    applies: Callable[[Facts], bool]


def _mode(facts: Facts) -> str:
    return facts.network.options.get("macvlan_mode") or "bridge"


def _both_bridges(facts: Facts) -> bool:
    return (
        facts.via is not None
        and facts.via.driver == "bridge"
        and facts.network.driver == "bridge"
    )


def _either_internal(facts: Facts) -> bool:
    return facts.network.internal or (facts.via is not None and facts.via.internal)


def _is_open(facts: Facts) -> bool:
    """Return whether the destination's network answers other bridges."""
    mode = facts.network.gateway_mode(facts.ip_version)
    return mode == "routed" or (mode == "nat-unprotected" and facts.engine_major >= 29)


def _is_led_out(facts: Facts) -> bool:
    """Return whether the gateway of the source's bridge is the engine's own."""
    return facts.via is not None and bridge_has_address(facts.via, facts.ip_version)


_CONTAINER_RULES = (
    Rule(
        id="icc-disabled",
        expected=ISOLATED,
        sentence="Containers on a bridge with enable_icc=false do not reach each "
        "other.",
        applies=lambda f: (
            f.shared
            and f.network.driver == "bridge"
            and not f.network.icc
            and f.network.gateway_mode(f.ip_version) != "routed"
        ),
    ),
    Rule(
        id="same-bridge",
        expected=REACHABLE,
        sentence="Containers on the same bridge network reach each other.",
        applies=lambda f: f.shared and f.network.driver == "bridge",
    ),
    Rule(
        id="macvlan-private",
        expected=ISOLATED,
        sentence="Containers on a macvlan network in private mode do not reach each "
        "other.",
        applies=lambda f: (
            f.shared and f.network.driver == "macvlan" and _mode(f) == "private"
        ),
    ),
    Rule(
        id="macvlan-external",
        expected=UNKNOWN,
        sentence="Macvlan in vepa or passthru mode leaves it to the outer switch.",
        applies=lambda f: (
            f.shared and f.network.driver == "macvlan" and _mode(f) != "bridge"
        ),
    ),
    Rule(
        id="same-network",
        expected=REACHABLE,
        sentence="Containers on the same macvlan, ipvlan or overlay network reach "
        "each other.",
        applies=lambda f: f.shared and f.network.driver in KNOWN_DRIVERS,
    ),
    Rule(
        id="third-party-driver",
        expected=UNKNOWN,
        sentence="What a third-party network driver promises is not known.",
        applies=lambda f: (
            f.network.driver not in KNOWN_DRIVERS
            or (f.via is not None and f.via.driver not in KNOWN_DRIVERS)
        ),
    ),
    Rule(
        id="no-route",
        expected=ISOLATED,
        sentence="The engine gave the source no route out of its own networks.",
        applies=lambda f: f.route.network is None,
    ),
    Rule(
        id="underlay",
        expected=UNKNOWN,
        sentence="Between macvlan, ipvlan or overlay and any other network the "
        "underlay decides.",
        applies=lambda f: not _both_bridges(f),
    ),
    Rule(
        id="foreign-engine",
        expected=UNKNOWN,
        sentence="Podman isolates networks by options its Docker API does not show.",
        applies=lambda f: f.product != "docker",
    ),
    Rule(
        id="internal-network",
        expected=ISOLATED,
        sentence="An internal network is cut off from every other network.",
        applies=_either_internal,
    ),
    Rule(
        id="source-without-gateway",
        expected=UNKNOWN,
        sentence="The source's bridge has no address (inhibit_ipv4): whether it leads "
        "to networks that are open is up to its user.",
        applies=lambda f: _is_open(f) and not _is_led_out(f),
    ),
    Rule(
        id="routed-destination",
        expected=REACHABLE,
        sentence="A network with gateway_mode=routed answers echo requests from "
        "every other bridge that is not internal.",
        applies=lambda f: f.network.gateway_mode(f.ip_version) == "routed",
    ),
    Rule(
        id="unprotected-destination",
        expected=REACHABLE,
        sentence="From engine 29 a network with gateway_mode=nat-unprotected is open "
        "to other bridges.",
        applies=_is_open,
    ),
    Rule(
        id="different-bridges",
        expected=ISOLATED,
        sentence="Containers on different bridge networks do not reach each other.",
        applies=lambda _: True,
    ),
)

_HOST_RULES = (
    Rule(
        id="host-to-bridge",
        expected=REACHABLE,
        sentence="The host reaches every container on its bridges, internal ones too.",
        applies=lambda f: bridge_has_address(f.network, f.ip_version),
    ),
    Rule(
        id="host-without-address",
        expected=ISOLATED,
        sentence="The host has no address on a bridge with inhibit_ipv4 or "
        "gateway_mode=isolated.",
        applies=lambda f: f.network.driver == "bridge",
    ),
    Rule(
        id="host-underlay",
        expected=UNKNOWN,
        sentence="Docker promises nothing between the host and macvlan, ipvlan, "
        "overlay or third-party networks.",
        applies=lambda _: True,
    ),
)

_GATEWAY_RULES = (
    Rule(
        id="own-gateway",
        expected=REACHABLE,
        sentence="A container reaches the gateway of its own bridge.",
        applies=lambda f: bridge_has_address(f.network, f.ip_version),
    ),
    Rule(
        id="gateway-underlay",
        expected=UNKNOWN,
        sentence="The gateway is not the engine's own bridge.",
        applies=lambda _: True,
    ),
)

_NAME_RULES = (
    Rule(
        id="name-default-bridge",
        expected=ISOLATED,
        sentence="Names do not resolve on the default bridge: it has no embedded DNS.",
        applies=lambda f: f.network.is_default_bridge,
    ),
    Rule(
        id="name-shared-network",
        expected=REACHABLE,
        sentence="Names of containers resolve on the user-defined networks they share.",
        applies=lambda _: True,
    ),
)

_SILENCED_RULES = (
    Rule(
        id="icmp-ignored-by-sysctl",
        expected=UNKNOWN,
        sentence="The destination was created with a sysctl that ignores echo "
        "requests.",
        applies=lambda f: f.silenced,
    ),
)

_NO_IPV6_RULES = (
    Rule(
        id="ipv6-disabled-by-sysctl",
        expected=UNKNOWN,
        sentence="An end was created with IPv6 switched off by a sysctl.",
        applies=lambda f: f.ip_version == 6 and f.ipv6_disabled,
    ),
)

_RULES_BY_SCOPE = {
    Scope.CONTAINER: _SILENCED_RULES + _NO_IPV6_RULES + _CONTAINER_RULES,
    Scope.HOST: _SILENCED_RULES + _NO_IPV6_RULES + _HOST_RULES,
    Scope.GATEWAY: _NO_IPV6_RULES + _GATEWAY_RULES,
    Scope.NAME: _NAME_RULES,
}

RULES = {rule.id: rule for rules in _RULES_BY_SCOPE.values() for rule in rules}
"""Every rule by its id, in the order they are tried."""


class Promises:
    """The promise for every pair of one topology, decided once per kind of pair."""

    def __init__(self, topology: Topology) -> None:
        """Bind to a topology; nothing is computed yet."""
        self._topology = topology
        self._decided: dict[tuple[object, ...], Decision] = {}

    def decide(self, pair: Pair) -> Decision:
        """Return what is promised for a pair.

        Raises:
            KeyError: the pair's source or network is not in the topology.
        """
        route = self._route(pair)
        silenced, no_ipv6 = self._flags(pair)
        key = (pair.scope, pair.ip_version, pair.network, route, silenced, no_ipv6)
        decision = self._decided.get(key)
        if decision is None:
            decision = self._decide(pair, route, silenced, no_ipv6)
            self._decided[key] = decision
        return decision

    def _route(self, pair: Pair) -> Route:
        if pair.source == HOST:
            return self._host_route(pair)
        if pair.scope is Scope.NAME or pair.scope is Scope.GATEWAY:
            return Route(network=pair.network, on_link=True)
        sandbox = self._topology.sandbox_by_id[pair.source]
        return route_of(self._topology, sandbox, pair.address)

    def _host_route(self, pair: Pair) -> Route:
        network = self._topology.network_by_id[pair.network]
        on_it = bridge_has_address(network, pair.ip_version)
        return Route(network=network.id if on_it else None, on_link=True)

    def _flags(self, pair: Pair) -> tuple[bool, bool]:
        """Return whether the destination is silenced, and an end is without IPv6."""
        containers = self._topology.container_by_id
        source = containers.get(ContainerId(pair.source))
        destination = pair.destination and containers.get(pair.destination)
        silenced = no_ipv6 = False
        if destination and destination.sysctls:
            silenced = _has_sysctl(destination, _IGNORE_ECHO[pair.ip_version])
            no_ipv6 = _has_sysctl(destination, _DISABLE_IPV6)
        if source and source.sysctls:
            no_ipv6 = no_ipv6 or _has_sysctl(source, _DISABLE_IPV6)
        return silenced, no_ipv6

    def _decide(
        self, pair: Pair, route: Route, silenced: bool, no_ipv6: bool
    ) -> Decision:
        network = self._topology.network_by_id[pair.network]
        facts = Facts(
            scope=pair.scope,
            ip_version=pair.ip_version,
            engine_major=self._topology.engine.major,
            product=self._topology.engine.product,
            network=network,
            via=self._network(route.network),
            route=route,
            silenced=silenced,
            ipv6_disabled=no_ipv6,
        )
        rule = next(r for r in _RULES_BY_SCOPE[pair.scope] if r.applies(facts))
        return Decision(
            expected=rule.expected,
            rule=rule.id,
            source_network=None if pair.source == HOST else route.network,
            on_link=route.on_link,
            has_route=route.network is not None,
            leaves_host=_leaves_host(facts),
        )

    def _network(self, network_id: NetworkId | None) -> Network | None:
        if network_id is None:
            return None
        return self._topology.network_by_id.get(network_id)


def _has_sysctl(container: Container, names: tuple[str, ...]) -> bool:
    """Return whether a container was created with one of these sysctls not 0."""
    return any(
        container.sysctls.get(name, "0").strip() not in ("0", "") for name in names
    )


def _leaves_host(facts: Facts) -> bool:
    """Return whether the probe's packets would go out on the host's own links."""
    driver = facts.network.driver
    if facts.scope is Scope.NAME:
        return False
    if facts.scope in (Scope.GATEWAY, Scope.HOST):
        return driver != "bridge"
    if facts.shared:
        return driver in UNDERLAY_DRIVERS and _mode(facts) not in ("bridge", "private")
    if facts.via is None:  # the kernel refuses before anything is sent
        return False
    return driver != "bridge" or facts.via.driver != "bridge"
