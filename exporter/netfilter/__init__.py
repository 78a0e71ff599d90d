"""The packet filter of a network namespace, read from the kernel without any process.

`message`, `objects`, `translate` and what they stand on turn bytes into rules without
any I/O; `tables` asks for those of nftables, `legacy_tables` for those of the older
iptables. Nothing is ever changed: only lists are asked for.
"""

from exporter.netfilter.read import read_ruleset

__all__ = ["read_ruleset"]
