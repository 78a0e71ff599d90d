"""Changes on the host that may break a promise, noticed as they happen.

`touched`, `nftables`, `links`, `pace`, `choice` and `words` are pure; `kernel` alone
opens sockets, behind the protocols of `host`; `detector` puts them together on the
event loop.
"""
