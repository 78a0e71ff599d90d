"""Links, addresses and routes of the kernel, by netlink (rtnetlink(7), netlink(7)).

`message` and `objects` turn bytes into values and back without any I/O;
`route_socket` asks the kernel of the namespace that it was made in. Nothing is ever
changed: only the three RTM_GET requests exist here.
"""

from exporter.rtnetlink.objects import Hop, Link, LinkAddress, RouteEntry
from exporter.rtnetlink.route_socket import Channel, Route, RouteKind, RouteSocket

__all__ = [
    "Channel",
    "Hop",
    "Link",
    "LinkAddress",
    "Route",
    "RouteEntry",
    "RouteKind",
    "RouteSocket",
]
