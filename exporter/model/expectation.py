"""What Docker promises for a pair: an ordered list of rules, first match wins.

A promise is not a forecast: isolation is promised for both families on every
engine, also where an engine is known to leak (IPv6 before 27), and whatever flags
the daemon was started with. Sources: moby `integration/networking`,
`integration/network`, `daemon/libnetwork`, and measurements on engines 20.10, 26.1
and 28.5; docs/expectations.md lists every rule with its own.
"""

from exporter.model.outcome import Scope
from exporter.model.pair import Decision, Pair
from exporter.model.routing import Route, Routes, bridge_has_address
from exporter.model.rules import Facts, Rule
from exporter.model.rules_container import CONTAINER_RULES, leaves_host
from exporter.model.rules_ends import (
    GATEWAY_RULES,
    HOST_RULES,
    NAME_RULES,
    NO_IPV6_RULES,
    SILENCED_RULES,
)
from exporter.model.silence import has_no_ipv6, ignores_echo
from exporter.model.topology import (
    HOST,
    ContainerId,
    Network,
    NetworkId,
    SandboxId,
    Topology,
)

RESOLVERLESS = frozenset({"bridge", "host", "none"})
"""Predefined networks: a container on these alone gets no embedded DNS."""

RULES_BY_SCOPE = {
    Scope.CONTAINER: SILENCED_RULES + NO_IPV6_RULES + CONTAINER_RULES,
    Scope.HOST: SILENCED_RULES + NO_IPV6_RULES + HOST_RULES,
    Scope.GATEWAY: NO_IPV6_RULES + GATEWAY_RULES,
    Scope.NAME: NAME_RULES,
}
"""The rules of each scope, in the order they are tried."""

RULES: dict[str, Rule] = {
    rule.id: rule for rules in RULES_BY_SCOPE.values() for rule in rules
}
"""Every rule by its id, in the order they are tried."""


class Promises:
    """The promise for every pair of one topology, decided once per kind of pair."""

    def __init__(self, topology: Topology) -> None:
        """Bind to a topology; nothing is computed yet."""
        self._topology = topology
        self._routes = Routes(topology)
        self._decided: dict[tuple[object, ...], Decision] = {}

    def decide(self, pair: Pair) -> Decision:
        """Return what is promised for a pair.

        Raises:
            KeyError: the pair's source or network is not in the topology.
        """
        route = self._route(pair)
        silenced = self._is_silenced(pair)
        no_ipv6 = pair.ip_version == 6 and self._lacks_ipv6(pair, route)
        answered = self._is_answered(pair, route)
        mixed = pair.scope is Scope.NAME and self._mixes_families(pair)
        kind = pair.scope, pair.ip_version, pair.network, route
        key = *kind, silenced, no_ipv6, answered, mixed
        decision = self._decided.get(key)
        if decision is None:
            facts = Facts(
                scope=pair.scope,
                ip_version=pair.ip_version,
                engine_major=self._topology.engine.major,
                product=self._topology.engine.product,
                network=self._topology.network_by_id[pair.network],
                via=self._network(route.network),
                route=route,
                silenced=silenced,
                ipv6_disabled=no_ipv6,
                answered=answered,
                mixed_families=mixed,
            )
            decision = self._decided[key] = _decide(
                facts, from_host=pair.source == HOST
            )
        return decision

    def _route(self, pair: Pair) -> Route:
        if pair.source == HOST:
            return self._host_route(pair)
        if pair.scope is Scope.NAME or pair.scope is Scope.GATEWAY:
            return Route(network=pair.network, on_link=True)
        sandbox = self._topology.sandbox_by_id[pair.source]
        return self._routes.of(sandbox, pair.address)

    def _host_route(self, pair: Pair) -> Route:
        network = self._topology.network_by_id[pair.network]
        on_it = bridge_has_address(network, pair.ip_version)
        return Route(network=network.id if on_it else None, on_link=True)

    def _is_silenced(self, pair: Pair) -> bool:
        known, name = self._topology.container_by_id, pair.destination
        destination = known.get(name) if name else None
        return destination is not None and ignores_echo(destination, pair.ip_version)

    def _lacks_ipv6(self, pair: Pair, route: Route) -> bool:
        """Return whether an end was created with IPv6 off where the pair needs it."""
        ends = (pair.source, route.network), (pair.destination_sandbox, pair.network)
        return any(self._is_without_ipv6(*end) for end in ends)

    def _is_without_ipv6(
        self, sandbox_id: SandboxId | None, network_id: NetworkId | None
    ) -> bool:
        known = self._topology.sandbox_by_id
        sandbox = known.get(sandbox_id) if sandbox_id else None
        if sandbox is None:  # the host, and its gateways
            return False
        container = self._topology.container_by_id.get(ContainerId(sandbox.id))
        endpoint = sandbox.endpoint_on(network_id) if network_id else None
        return container is not None and has_no_ipv6(container, endpoint)

    def _is_answered(self, pair: Pair, route: Route) -> bool:
        """Return whether an answer comes back from another bridge.

        A masqueraded source is the gateway's address to the destination, on its own
        link. Without, from a nat network, engine 28 drops the answer (its rules in
        table raw, measured). A routed source is answered by the destination's own
        route, over any bridge (measured); the underlay may lead anywhere.
        """
        via = self._network(route.network)
        if pair.scope is not Scope.CONTAINER or via is None or route.on_link:
            return True
        if via.gateway_mode(pair.ip_version) != "routed":
            return via.masquerade
        source = self._topology.sandbox_by_id[pair.source]
        own = source.address_on(via.id, pair.ip_version)
        destination = self._topology.sandbox_by_id[SandboxId(str(pair.destination))]
        way = None if own is None else self._routes.of(destination, own.address).network
        back = self._network(way)
        return back is not None and bridge_has_address(back, pair.ip_version)

    def _mixes_families(self, pair: Pair) -> bool:
        """Return whether the ends share a network on which the family is missing.

        The embedded DNS goes through the asker's networks in an order of its own, and
        the first that knows the name answers, be it without any address (moby,
        daemon/libnetwork/sandbox.go `resolveName`; measured on 28.5).
        """
        source = self._topology.sandbox_by_id[pair.source]
        destination = self._topology.sandbox_by_id[SandboxId(str(pair.destination))]
        shared = (
            destination.endpoint_on(endpoint.network_id)
            for endpoint in source.endpoints
        )
        return any(
            endpoint is not None
            and not endpoint.implicit
            and endpoint.address(pair.ip_version) is None
            and self._has_names(endpoint.network_id)
            for endpoint in shared
        )

    def _has_names(self, network_id: NetworkId) -> bool:
        network = self._network(network_id)
        return network is not None and network.raw_name not in RESOLVERLESS

    def _network(self, network_id: NetworkId | None) -> Network | None:
        known = self._topology.network_by_id
        return known.get(network_id) if network_id else None


def _decide(facts: Facts, *, from_host: bool) -> Decision:
    rule = next(r for r in RULES_BY_SCOPE[facts.scope] if r.applies(facts))
    return Decision(
        expected=rule.expected,
        rule=rule.id,
        source_network=None if from_host else facts.route.network,
        on_link=facts.route.on_link,
        has_route=facts.route.network is not None,
        leaves_host=_leaves_host(facts),
    )


def _leaves_host(facts: Facts) -> bool:
    """Return whether the probe's packets would go out on the host's own links."""
    driver = facts.network.driver
    if facts.scope is Scope.CONTAINER:
        return leaves_host(facts)
    if facts.scope is Scope.GATEWAY:
        return driver not in ("bridge", "overlay")
    return facts.scope is Scope.HOST and driver != "bridge"
