"""What Docker promises from the host, to a container's own gateway, and of names.

And what an end was created with that takes every promise away.
"""

from exporter.model.routing import bridge_has_address, is_led_elsewhere
from exporter.model.rules import (
    ADDRESSES,
    BRIDGE_PAGE,
    BRIDGE_TESTS,
    DRIVER,
    ENDPOINT_SYSCTLS,
    GATEWAYS,
    INHIBIT,
    ISOLATED,
    MODES,
    NETWORK_TESTS,
    NETWORKS,
    OVERLAY_PAGE,
    REACHABLE,
    SUBNETS,
    SYSCTLS,
    UNKNOWN,
    VERSION,
    Evidence,
    Facts,
    Rule,
    field_of,
)

_IP_SYSCTL = "https://docs.kernel.org/networking/ip-sysctl.html"


def _has_address(facts: Facts) -> bool:
    return bridge_has_address(facts.network, facts.ip_version)


def _is_led_elsewhere(facts: Facts) -> bool:
    bridge = facts.network.driver == "bridge"
    return bridge and is_led_elsewhere(facts.network, facts.ip_version)


SILENCED_RULES = (
    Rule(
        id="icmp-ignored-by-sysctl",
        expected=UNKNOWN,
        sentence="The destination was created with a sysctl that ignores echo "
        "requests.",
        reads=(SYSCTLS,),
        evidence=(Evidence("icmp_echo_ignore_all", _IP_SYSCTL),),
        scenarios=("icmp-ignore-all",),
        applies=lambda f: f.silenced,
    ),
)

NO_IPV6_RULES = (
    Rule(
        id="ipv6-disabled-by-sysctl",
        expected=UNKNOWN,
        sentence="An end was created with IPv6 switched off by a sysctl.",
        reads=(SYSCTLS, ENDPOINT_SYSCTLS, VERSION),
        evidence=(
            Evidence("disable_ipv6", _IP_SYSCTL),
            Evidence("TestContainerDisabledIPv6", BRIDGE_TESTS),
        ),
        scenarios=("ipv6-disabled-in-ctr",),
        applies=lambda f: f.ip_version == 6 and f.ipv6_disabled,
    ),
)

HOST_RULES = (
    Rule(
        id="host-to-bridge",
        expected=REACHABLE,
        sentence="The host reaches every container on its bridges, internal ones too.",
        reads=(DRIVER, ADDRESSES, INHIBIT, MODES),
        evidence=(BRIDGE_PAGE,),
        scenarios=(
            "default-bridge-same",
            "user-bridge-same",
            "internal",
            "host-net",
            "gateway-modes",
            "ipv6-dual",
        ),
        applies=_has_address,
    ),
    Rule(
        id="host-without-address",
        expected=ISOLATED,
        sentence="The host has no address on a bridge with inhibit_ipv4 or "
        "gateway_mode=isolated.",
        reads=(DRIVER, INHIBIT, MODES),
        evidence=(BRIDGE_PAGE, Evidence("TestIsolated", NETWORK_TESTS)),
        scenarios=("gateway-isolated",),
        applies=lambda f: f.network.driver == "bridge",
    ),
    Rule(
        id="host-underlay",
        expected=UNKNOWN,
        sentence="Docker promises nothing between the host and macvlan, ipvlan, "
        "overlay or third-party networks.",
        reads=(DRIVER,),
        scenarios=("macvlan", "macvlan-private", "macvlan-internal", "swarm-overlay"),
        applies=lambda _: True,
    ),
)

GATEWAY_RULES = (
    Rule(
        id="gateway-elsewhere",
        expected=UNKNOWN,
        sentence="The engine was told to lead containers to another gateway than the "
        "bridge itself.",
        reads=(DRIVER, "networks[].IPAM.Config[].AuxiliaryAddresses"),
        applies=_is_led_elsewhere,
    ),
    Rule(
        id="own-gateway",
        expected=REACHABLE,
        sentence="A container reaches the gateway of its own bridge.",
        reads=(DRIVER, GATEWAYS, "networks[].IPAM.Config[].Gateway", INHIBIT, MODES),
        evidence=(Evidence("TestInternalNwConnectivity", BRIDGE_TESTS),),
        scenarios=("default-bridge-same", "user-bridge-same", "internal", "ipv6-dual"),
        applies=_has_address,
    ),
    Rule(
        id="overlay-gateway",
        expected=REACHABLE,
        sentence="A container reaches the gateway of its overlay network, which is in "
        "that network's own namespace.",
        reads=(DRIVER, SUBNETS, "networks[].IPAM.Config[].Gateway"),
        evidence=(OVERLAY_PAGE,),
        scenarios=("swarm-overlay",),
        applies=lambda f: f.network.driver == "overlay",
    ),
    Rule(
        id="gateway-underlay",
        expected=UNKNOWN,
        sentence="The gateway is not the engine's own bridge.",
        reads=(DRIVER, INHIBIT),
        scenarios=("macvlan",),
        applies=lambda _: True,
    ),
)

NAME_RULES = (
    Rule(
        id="name-default-bridge",
        expected=ISOLATED,
        sentence="Names do not resolve on the default bridge: it has no embedded DNS.",
        reads=(field_of("com.docker.network.bridge.default_bridge"), NETWORKS),
        evidence=(BRIDGE_PAGE,),
        applies=lambda f: f.network.is_default_bridge,
    ),
    Rule(
        id="name-mixed-families",
        expected=UNKNOWN,
        sentence="Two that share several networks of different families: which of "
        "them answers, and whether with an address, is up to the engine.",
        reads=(NETWORKS, GATEWAYS),
        applies=lambda f: f.mixed_families,
    ),
    Rule(
        id="name-shared-network",
        expected=REACHABLE,
        sentence="Names of containers resolve on the user-defined networks they share.",
        reads=(NETWORKS, "containers[].Name"),
        evidence=(BRIDGE_PAGE, Evidence("TestBridgeICC", BRIDGE_TESTS)),
        applies=lambda _: True,
    ),
)
