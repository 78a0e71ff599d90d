"""What Docker promises between two containers; the first rule that fits decides."""

from exporter.model.routing import (
    KNOWN_DRIVERS,
    bridge_has_address,
    is_layer_3,
    is_led_elsewhere,
)
from exporter.model.rules import (
    ADDRESSES,
    BRIDGE_PAGE,
    BRIDGE_TESTS,
    DRIVER,
    FIREWALL_PAGE,
    GATEWAYS,
    ICC,
    INHIBIT,
    INTERNAL,
    IPVLAN_PAGE,
    ISOLATED,
    MACVLAN_PAGE,
    MASQUERADE,
    MODES,
    NETWORK_TESTS,
    NETWORKS,
    OVERLAY_PAGE,
    PORTS_PAGE,
    REACHABLE,
    SUBNETS,
    UNKNOWN,
    VERSION,
    Evidence,
    Facts,
    Rule,
    field_of,
)

_MACVLAN_TESTS = "integration/network/macvlan/macvlan_test.go"
_IPVLAN_TESTS = "integration/network/ipvlan/ipvlan_test.go"
_GENERATED = "integration/network/bridge/iptablesdoc/generated"


def _shares(facts: Facts, driver: str) -> bool:
    return facts.shared and facts.network.driver == driver


def _macvlan_mode(facts: Facts) -> str:
    return facts.network.options.get("macvlan_mode") or "bridge"


def _ipvlan_flag(facts: Facts) -> str:
    return facts.network.options.get("ipvlan_flag") or "bridge"


def _is_icc_off(facts: Facts) -> bool:
    """Return whether a bridge keeps its own containers apart.

    A routed network accepts echo requests before that rule is asked, an internal one
    does not (moby `drivers/bridge/internal/iptabler/network.go`).
    """
    routed = facts.network.gateway_mode(facts.ip_version) == "routed"
    return not facts.network.icc and (facts.network.internal or not routed)


def _crosses_subnets(facts: Facts) -> bool:
    return facts.shared and not facts.route.on_link


def _both_bridges(facts: Facts) -> bool:
    return (
        facts.via is not None
        and facts.via.driver == "bridge"
        and facts.network.driver == "bridge"
    )


def _either_internal(facts: Facts) -> bool:
    return facts.network.internal or (facts.via is not None and facts.via.internal)


def _is_led_out(facts: Facts) -> bool:
    """Return whether the gateway of the source's bridge is the engine's own."""
    return (
        facts.via is not None
        and bridge_has_address(facts.via, facts.ip_version)
        and not is_led_elsewhere(facts.via, facts.ip_version)
    )


def _is_led_to(facts: Facts) -> bool:
    """Return whether the host has a route to the destination."""
    return bridge_has_address(facts.network, facts.ip_version)


def leaves_host(facts: Facts) -> bool:
    """Return whether packets between containers go out on the host's own links."""
    if facts.via is None:  # the kernel refuses before anything is sent
        return False
    driver = facts.network.driver
    if not facts.shared:
        return driver != "bridge" or facts.via.driver != "bridge"
    if driver == "macvlan":
        inside = _macvlan_mode(facts) in ("bridge", "private")
        return not inside or _crosses_subnets(facts)
    if driver == "ipvlan":
        across = _crosses_subnets(facts) and not is_layer_3(facts.network)
        return _ipvlan_flag(facts) == "vepa" or across
    return False


_SAME_NETWORK = (
    Rule(
        id="overlapping-subnet",
        expected=UNKNOWN,
        sentence="The address lies in a subnet of another network that the source is "
        "on: whoever has it there answers.",
        reads=(ADDRESSES,),
        evidence=(
            Evidence("RFC 1812, 5.2.4.3", "https://www.rfc-editor.org/rfc/rfc1812"),
        ),
        applies=lambda f: f.route.on_link and (f.route.contested or not f.shared),
    ),
    Rule(
        id="icc-disabled",
        expected=ISOLATED,
        sentence="Containers on a bridge with enable_icc=false do not reach each "
        "other; --link opens TCP ports only.",
        reads=(NETWORKS, DRIVER, ICC, MODES, INTERNAL),
        evidence=(
            BRIDGE_PAGE,
            Evidence("usernet-portmap-noicc", f"{_GENERATED}/usernet-portmap-noicc.md"),
            Evidence("TestLegacyLink", NETWORK_TESTS),
        ),
        scenarios=("icc-false-user", "multihomed-icc", "ipv6-icc-false"),
        applies=lambda f: _shares(f, "bridge") and _is_icc_off(f),
    ),
    Rule(
        id="same-bridge",
        expected=REACHABLE,
        sentence="Containers on the same bridge network reach each other.",
        reads=(NETWORKS, DRIVER),
        evidence=(BRIDGE_PAGE, Evidence("TestBridgeICC", BRIDGE_TESTS)),
        scenarios=(
            "default-bridge-same",
            "user-bridge-same",
            "internal",
            "multihomed",
            "paused",
            "shared-netns",
            "ipv6-dual",
            "ipv6-only",
            "gateway-isolated",
        ),
        applies=lambda f: _shares(f, "bridge"),
    ),
    Rule(
        id="macvlan-private",
        expected=ISOLATED,
        sentence="Containers on a macvlan network in private mode do not reach each "
        "other.",
        reads=(NETWORKS, DRIVER, field_of("macvlan_mode")),
        evidence=(MACVLAN_PAGE,),
        scenarios=("macvlan-private",),
        applies=lambda f: _shares(f, "macvlan") and _macvlan_mode(f) == "private",
    ),
    Rule(
        id="macvlan-external",
        expected=UNKNOWN,
        sentence="Macvlan in vepa or passthru mode leaves it to the outer switch.",
        reads=(NETWORKS, DRIVER, field_of("macvlan_mode")),
        evidence=(MACVLAN_PAGE,),
        scenarios=("macvlan-vepa",),
        applies=lambda f: _shares(f, "macvlan") and _macvlan_mode(f) != "bridge",
    ),
    Rule(
        id="ipvlan-private",
        expected=ISOLATED,
        sentence="Containers on an ipvlan network with ipvlan_flag=private do not "
        "reach each other.",
        reads=(NETWORKS, DRIVER, field_of("ipvlan_flag")),
        evidence=(
            IPVLAN_PAGE,
            Evidence("ipvlan.rst", "https://docs.kernel.org/networking/ipvlan.html"),
        ),
        applies=lambda f: _shares(f, "ipvlan") and _ipvlan_flag(f) == "private",
    ),
    Rule(
        id="ipvlan-external",
        expected=UNKNOWN,
        sentence="Ipvlan with ipvlan_flag=vepa leaves it to the outer switch.",
        reads=(NETWORKS, DRIVER, field_of("ipvlan_flag")),
        evidence=(
            IPVLAN_PAGE,
            Evidence("ipvlan.rst", "https://docs.kernel.org/networking/ipvlan.html"),
        ),
        applies=lambda f: _shares(f, "ipvlan") and _ipvlan_flag(f) != "bridge",
    ),
    Rule(
        id="ipvlan-routed-subnets",
        expected=REACHABLE,
        sentence="An ipvlan network in mode l3 or l3s routes between its own subnets.",
        reads=(NETWORKS, DRIVER, SUBNETS, field_of("ipvlan_mode"), ADDRESSES),
        evidence=(
            IPVLAN_PAGE,
            Evidence("testIpvlanL3MultiSubnet", _IPVLAN_TESTS),
        ),
        applies=lambda f: _crosses_subnets(f) and is_layer_3(f.network),
    ),
    Rule(
        id="other-subnet",
        expected=UNKNOWN,
        sentence="Between the subnets of one macvlan, ipvlan or overlay network "
        "nothing is promised: their gateways decide.",
        reads=(NETWORKS, DRIVER, SUBNETS, ADDRESSES, GATEWAYS),
        evidence=(MACVLAN_PAGE, IPVLAN_PAGE),
        applies=_crosses_subnets,
    ),
    Rule(
        id="same-network",
        expected=REACHABLE,
        sentence="Containers in one subnet of a macvlan, ipvlan or overlay network "
        "reach each other.",
        reads=(NETWORKS, DRIVER, ADDRESSES),
        evidence=(
            MACVLAN_PAGE,
            IPVLAN_PAGE,
            OVERLAY_PAGE,
            Evidence("TestDockerNetworkMacvlan", _MACVLAN_TESTS),
            Evidence("TestDockerNetworkIpvlan", _IPVLAN_TESTS),
        ),
        scenarios=(
            "macvlan",
            "macvlan-ifb-parent",
            "macvlan-internal",
            "swarm-overlay",
        ),
        applies=lambda f: f.shared and f.network.driver in KNOWN_DRIVERS,
    ),
)

_ACROSS = (
    Rule(
        id="third-party-driver",
        expected=UNKNOWN,
        sentence="What a third-party network driver promises is not known.",
        reads=(DRIVER,),
        applies=lambda f: (
            f.network.driver not in KNOWN_DRIVERS
            or (f.via is not None and f.via.driver not in KNOWN_DRIVERS)
        ),
    ),
    Rule(
        id="no-route",
        expected=ISOLATED,
        sentence="The engine gave the source no route out of its own networks.",
        reads=(ADDRESSES, GATEWAYS, INTERNAL, VERSION),
        evidence=(
            Evidence("TestBridgeINC (internal)", BRIDGE_TESTS),
            Evidence("TestInternalNwConnectivity", BRIDGE_TESTS),
        ),
        scenarios=(
            "internal",
            "multihomed-internal",
            "gateway-isolated",
            "gateway-routed-internal",
            "macvlan-internal",
        ),
        applies=lambda f: f.route.network is None,
    ),
    Rule(
        id="underlay",
        expected=UNKNOWN,
        sentence="Between macvlan, ipvlan or overlay and any other network the "
        "underlay decides.",
        reads=(DRIVER, NETWORKS),
        evidence=(MACVLAN_PAGE, IPVLAN_PAGE),
        scenarios=("macvlan", "swarm-overlay"),
        applies=lambda f: not _both_bridges(f),
    ),
    Rule(
        id="foreign-engine",
        expected=UNKNOWN,
        sentence="Podman isolates networks by options its Docker API does not show.",
        reads=("version.Components[0].Name",),
        evidence=(
            Evidence(
                "podman network create --opt isolate",
                "https://docs.podman.io/en/latest/markdown/podman-network-create.1.html",
            ),
        ),
        applies=lambda f: f.product != "docker",
    ),
    Rule(
        id="internal-network",
        expected=ISOLATED,
        sentence="An internal network is cut off from every other network.",
        reads=(INTERNAL, NETWORKS),
        evidence=(
            Evidence("usernet-internal", f"{_GENERATED}/usernet-internal.md"),
            Evidence("TestBridgeINC (internal)", BRIDGE_TESTS),
        ),
        scenarios=("internal", "multihomed-internal", "gateway-routed-internal"),
        applies=_either_internal,
    ),
    Rule(
        id="source-without-gateway",
        expected=UNKNOWN,
        sentence="The source's bridge has no address (inhibit_ipv4), or that of an "
        "open network has none: whether there is a way is up to the user.",
        reads=(INHIBIT, MODES, GATEWAYS),
        evidence=(BRIDGE_PAGE,),
        applies=lambda f: f.is_open and not (_is_led_out(f) and _is_led_to(f)),
    ),
    Rule(
        id="answer-elsewhere",
        expected=UNKNOWN,
        sentence="The source's address is not masqueraded, and the answer of an open "
        "network would not come back the way the request went.",
        reads=(MASQUERADE, MODES, GATEWAYS),
        evidence=(PORTS_PAGE,),
        applies=lambda f: f.is_open and not f.answered,
    ),
    Rule(
        id="routed-destination",
        expected=REACHABLE,
        sentence="A network with gateway_mode=routed answers echo requests from "
        "every other bridge that is not internal.",
        reads=(MODES, INTERNAL),
        evidence=(PORTS_PAGE, Evidence("TestBridgeINCRouted", BRIDGE_TESTS)),
        scenarios=("gateway-modes",),
        applies=lambda f: f.network.gateway_mode(f.ip_version) == "routed",
    ),
    Rule(
        id="unprotected-destination",
        expected=REACHABLE,
        sentence="From engine 29 a network with gateway_mode=nat-unprotected is open "
        "to other bridges.",
        reads=(MODES, INTERNAL, VERSION),
        evidence=(PORTS_PAGE, Evidence("TestInterNetworkDirectRouting", BRIDGE_TESTS)),
        applies=lambda f: f.is_open,
    ),
    Rule(
        id="different-bridges",
        expected=ISOLATED,
        sentence="Containers on different bridge networks do not reach each other.",
        reads=(NETWORKS, DRIVER),
        evidence=(FIREWALL_PAGE, Evidence("TestBridgeINC", BRIDGE_TESTS)),
        scenarios=(
            "cross-default-user",
            "cross-user-user",
            "multihomed",
            "published-ports",
            "no-masquerade",
            "trusted-host-if-bridge",
            "gateway-modes",
            "ipv6-dual",
            "swarm-overlay",
        ),
        applies=lambda _: True,
    ),
)

CONTAINER_RULES = _SAME_NETWORK + _ACROSS
