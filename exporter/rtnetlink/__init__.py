"""Links, addresses, neighbours and routes of the kernel, by netlink.

Sources: rtnetlink(7), netlink(7).

`message` and `objects` turn bytes into values and back without any I/O;
`route_socket` asks the kernel of the namespace that it was made in. Nothing is ever
changed: only RTM_GET requests exist here.
"""

from exporter.rtnetlink.objects import (
    BridgePort,
    Hop,
    Link,
    LinkAddress,
    NeighbourEntry,
    RouteEntry,
)
from exporter.rtnetlink.route_socket import (
    Channel,
    KernelChannel,
    Route,
    RouteKind,
    RouteSocket,
)

__all__ = [
    "BridgePort",
    "Channel",
    "Hop",
    "KernelChannel",
    "Link",
    "LinkAddress",
    "NeighbourEntry",
    "Route",
    "RouteEntry",
    "RouteKind",
    "RouteSocket",
]
