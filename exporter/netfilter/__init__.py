"""The packet filter of a network namespace, read from the kernel without any process.

`message`, `objects`, `translate` and what they stand on turn bytes into rules without
any I/O; `tables` asks for those of nftables, `legacy_tables` for those of the older
iptables; `read` does both. Nothing is ever changed: only lists are asked for.

Nothing is imported here: who only listens for changes needs `message`, and no rule.
"""
