"""What notifications of nftables say that matters here; no I/O.

The kernel tells of every object of a transaction, then of the new generation, with
the name of the process that made it. That a rule matched, or an element timed out, it
does not tell. Sources: net/netfilter/nf_tables_api.c (`nf_tables_commit`,
`nf_tables_gen_notify`), include/uapi/linux/netfilter/nf_tables.h.
"""

from typing import Final

from exporter.detection.touched import NAMED, Touched
from exporter.netfilter import message as codec
from exporter.rtnetlink.message import decode_messages

_NEW_GENERATION: Final = 15
_TELLING: Final = frozenset(
    {
        *(0, 2),  # NFT_MSG_NEWTABLE, DELTABLE: a table can also be made dormant
        *(3, 5),  # NEWCHAIN, DELCHAIN: with a chain's policy
        *(6, 8),  # NEWRULE, DELRULE
        *(9, 11),  # NEWSET, DELSET
        *(12, 14),  # NEWSETELEM, DELSETELEM: a map of verdicts decides as rules do
        *(22, 24),  # NEWFLOWTABLE, DELFLOWTABLE
    }
)
"""Kinds after which packets may be judged otherwise; counters and quotas are not."""
_TABLE: Final = 1  # NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, ...: the same in all of them
_PROCESS: Final = 3  # NFTA_GEN_PROC_NAME
_FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


def parse_tables(data: bytes) -> Touched:
    """Return what one datagram of notifications says was touched.

    Raises:
        PacketError: it does not parse.
    """
    tables: set[str] = set()
    processes: set[str] = set()
    for message in decode_messages(data):
        if message.type >> 8 != codec.SUBSYSTEM:
            continue
        kind = message.type & 0xFF
        if kind == _NEW_GENERATION:
            processes.add(codec.text(codec.attributes_of(message), _PROCESS))
        elif kind in _TELLING and len(tables) < NAMED:
            family = codec.family_of(message)
            name = codec.text(codec.attributes_of(message), _TABLE)
            tables.add(f"{_FAMILIES.get(family, family)} {name}")
    return Touched(tables=frozenset(tables), processes=frozenset(processes - {""}))
