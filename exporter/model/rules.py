"""What a rule is, and what it may look at.

A rule is one sentence of Docker's promise. The tables are in `rules_container` and
`rules_ends`; the first rule of a scope that fits decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from exporter.model.outcome import Expected, Scope
from exporter.model.routing import Route
from exporter.model.topology import IpVersion, Network

REACHABLE, ISOLATED, UNKNOWN = Expected.REACHABLE, Expected.ISOLATED, Expected.UNKNOWN

UNPROTECTED_OPENS = 29
"""Engine from which `nat-unprotected` is open to other bridges: 29 dropped the chains
that kept bridges apart before the bridge's own rules were asked."""


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
    silenced: bool = False
    """The destination was created with a sysctl that ignores echo requests."""
    ipv6_disabled: bool = False
    """An end was created with IPv6 switched off."""
    answered: bool = True
    """An answer from an open network finds its way back to the source."""
    mixed_families: bool = False
    """Source and destination share a network without the pair's family, too."""

    @property
    def shared(self) -> bool:
        """Return whether the source's route uses the address's own network."""
        return self.via is not None and self.via.id == self.network.id

    @property
    def is_open(self) -> bool:
        """Return whether the destination's network answers other bridges."""
        mode = self.network.gateway_mode(self.ip_version)
        return mode == "routed" or (
            mode == "nat-unprotected" and self.engine_major >= UNPROTECTED_OPENS
        )


class Evidence(NamedTuple):
    """Where a promise is made: a test of the engine's own, or a page."""

    what: str
    """The name of the test or page."""
    where: str
    """A path in github.com/moby/moby, or a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of Docker's promise."""

    id: str
    expected: Expected
    sentence: str
    reads: tuple[str, ...]
    """The fields of the engine's API that it reads."""
    evidence: tuple[Evidence, ...] = ()
    """Empty where there is none but the measurements."""
    scenarios: tuple[str, ...] = ()
    """Scenarios in which it decides, measured on the engines they are for."""
    applies: Callable[[Facts], bool]


def field_of(option: str) -> str:
    """Return how the API writes a network's option."""
    return f'networks[].Options["{option}"]'


DRIVER = "networks[].Driver"
INTERNAL = "networks[].Internal"
NETWORKS = "containers[].NetworkSettings.Networks"
ADDRESSES = f"{NETWORKS}[].IPAddress, GlobalIPv6Address and their prefix lengths"
GATEWAYS = f"{NETWORKS}[].Gateway, IPv6Gateway, GwPriority"
MODES = field_of("com.docker.network.bridge.gateway_mode_ipv4") + " and _ipv6"
MASQUERADE = field_of("com.docker.network.bridge.enable_ip_masquerade")
INHIBIT = field_of("com.docker.network.bridge.inhibit_ipv4")
ICC = field_of("com.docker.network.bridge.enable_icc")
VERSION = "version.Version"
SUBNETS = "networks[].IPAM.Config[].Subnet"
SYSCTLS = "containers[].HostConfig.Sysctls"
ENDPOINT_SYSCTLS = f'{NETWORKS}[].DriverOpts["com.docker.network.endpoint.sysctls"]'

_DOCS = "https://docs.docker.com/engine/network"
BRIDGE_PAGE = Evidence("bridge network driver", f"{_DOCS}/drivers/bridge/")
BRIDGE_TESTS = "integration/networking/bridge_linux_test.go"
NETWORK_TESTS = "integration/network/bridge/bridge_linux_test.go"
MACVLAN_PAGE = Evidence("macvlan network driver", f"{_DOCS}/drivers/macvlan/")
IPVLAN_PAGE = Evidence("ipvlan network driver", f"{_DOCS}/drivers/ipvlan/")
OVERLAY_PAGE = Evidence("overlay network driver", f"{_DOCS}/drivers/overlay/")
FIREWALL_PAGE = Evidence("packet filtering", f"{_DOCS}/packet-filtering-firewalls/")
PORTS_PAGE = Evidence("gateway modes", f"{_DOCS}/port-publishing/#gateway-modes")
