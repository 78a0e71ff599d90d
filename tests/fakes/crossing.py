"""One container on an ordinary bridge, one on a routed one that answers it."""

from tests.fakes.inspections import with_macs
from tests.fakes.topologies import container, endpoint, network, topology

NAT = network("nat", "172.20.0.0/24")
ROUTED = network("routed", "172.21.0.0/24", gateway_mode_ipv4="routed")
CROSSING = with_macs(
    topology(
        (NAT, ROUTED),
        (
            container("from", endpoint("from", NAT, "172.20.0.2")),
            container("to", endpoint("to", ROUTED, "172.21.0.2")),
        ),
    )
)
ACROSS = "container from to"
"""The pair that passes from the one to the other."""
