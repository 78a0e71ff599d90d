"""What exists looks like this, as JSON Schema: the objects of `topology --json`."""

from typing import Final

from exporter.report.api.schemas import (
    COUNT,
    ENVELOPE,
    FLAG,
    IP_VERSION,
    TEXT,
    many,
    maybe,
    ref,
    thing,
)

_SUBNET = {
    "subnet": TEXT,
    "ip_version": IP_VERSION,
    "gateway": maybe(TEXT),
    "ip_range": maybe(TEXT),
    "auxiliary": {"type": "object", "additionalProperties": TEXT},
    "addresses_used": maybe(COUNT),
    "dynamic_addresses_available": maybe(COUNT),
}
SUBNET: Final = thing(
    {
        "network": TEXT,
        **_SUBNET,
        "addresses": maybe(COUNT),
        "used": maybe(COUNT),
        "available": maybe(COUNT),
        "overlaps": many(
            thing(
                {
                    "other": TEXT,
                    "kind": {"type": "string", "enum": ["docker", "host_route"]},
                }
            )
        ),
    },
    text="A subnet of a network: how full it is, and who else claims its addresses.",
)
NETWORK: Final = thing(
    {
        "name": TEXT,
        "id": TEXT,
        "driver": TEXT,
        "scope": TEXT,
        "internal": FLAG,
        "icc": FLAG,
        "default_bridge": FLAG,
        "ipv4": FLAG,
        "ipv6": FLAG,
        "gateway_mode_ipv4": TEXT,
        "gateway_mode_ipv6": TEXT,
        "bridge": maybe(TEXT),
        "mtu": maybe(COUNT),
        "project": maybe(TEXT),
        "options": {"type": "object", "additionalProperties": TEXT},
        "subnets": many(thing(_SUBNET)),
        "containers": many(TEXT),
    }
)
INTERFACE: Final = thing(
    {
        "name": TEXT,
        "index": COUNT,
        "up": FLAG,
        "mtu": COUNT,
        "mac": maybe(TEXT),
        "addresses": many(TEXT),
    }
)
CONTAINER: Final = thing(
    {
        "name": TEXT,
        "engine_name": TEXT,
        "id": TEXT,
        "status": TEXT,
        "running": FLAG,
        "image": TEXT,
        "project": maybe(TEXT),
        "service": maybe(TEXT),
        "network_mode": TEXT,
        "sandbox": maybe(TEXT),
        "endpoints": many(
            thing(
                {
                    "network": maybe(TEXT),
                    "addresses": many(
                        thing(
                            {
                                "address": TEXT,
                                "prefix_length": COUNT,
                                "ip_version": IP_VERSION,
                                "gateway": maybe(TEXT),
                            }
                        )
                    ),
                    "mac": maybe(TEXT),
                    "dns_names": many(TEXT),
                }
            )
        ),
    },
    {"interfaces": many(ref("Interface"))},
)
TOPOLOGY: Final = thing(
    {
        **ENVELOPE,
        "engine": maybe(
            thing(
                {
                    "version": TEXT,
                    "api_version": TEXT,
                    "product": TEXT,
                    "address": TEXT,
                    "local": FLAG,
                    "local_reason": maybe(TEXT),
                    "firewall_backend": maybe(TEXT),
                    "default_pools": many(
                        thing({"base": TEXT, "prefix_length": COUNT})
                    ),
                }
            )
        ),
        "notices": many(TEXT),
        "networks": many(ref("Network")),
        "containers": many(ref("Container")),
        "host": maybe(
            thing(
                {
                    "available": FLAG,
                    "source": TEXT,
                    "containers": many(TEXT),
                    "interfaces": many(ref("Interface")),
                    "routes": many(thing({"subnet": TEXT, "interface": TEXT})),
                }
            )
        ),
    },
    text="Everything that exists.",
)
