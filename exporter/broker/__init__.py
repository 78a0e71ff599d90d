"""Privilege separation: a small process keeps what the service must not hold.

The process that speaks HTTP, reads YAML and decides about verdicts asks it for open
sockets (SCM_RIGHTS, unix(7)), for what the engine, the kernel and Docker's resolver
say, and for nothing else. `server` answers, `remote` asks, `wire` is what both say;
`confinement` takes the rights away from who asks.
"""
