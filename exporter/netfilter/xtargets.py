"""Targets of iptables as the kernel keeps them, in nftables and in its own tables.

Sources: include/uapi/linux/netfilter/xt_*.h, nf_nat.h, netfilter_ipv4/ipt_REJECT.h; the
words are those of iptables-extensions(8).
"""

import struct
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from exporter.model.firewall_rules import Action, Effect
from exporter.netfilter.clause import Outcome, quoted

_REJECTS4: Final = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-proto-unreachable",
    "icmp-port-unreachable",
    "echoreply",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "tcp-reset",
    "icmp-admin-prohibited",
)
_REJECTS6: Final = (
    "icmp6-no-route",
    "icmp6-adm-prohibited",
    "icmp6-not-neighbour",
    "icmp6-addr-unreachable",
    "icmp6-port-unreachable",
    "echoreply",
    "tcp-reset",
    "icmp6-policy-fail",
    "icmp6-reject-route",
)
_PASSING: Final = frozenset(
    {
        "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "ECN",
        "HL", "HMARK", "IDLETIMER", "LED", "LOG", "MARK", "NFLOG", "NOTRACK", "RATEEST",
        "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG",
    }
)  # fmt: skip
"""Targets after which the next rule is looked at."""
_REWRITING: Final = {
    "SNAT": "--to-source",
    "DNAT": "--to-destination",
    "MASQUERADE": "",
    "REDIRECT": "--to-ports",
    "NETMAP": "--to",
}
"""Targets that rewrite an address, and the option that says to what."""
_REDIRECTING: Final = frozenset({"DNAT", "REDIRECT", "NETMAP"})

_HAS_ADDRESS, _HAS_PORT = 1, 2  # NF_NAT_RANGE_MAP_IPS, _PROTO_SPECIFIED
_IPV4_RANGE: Final = struct.Struct("=II4s4s2s2s")
"""nf_nat_ipv4_multi_range_compat: how many, flags, addresses and ports."""
_RANGE: Final = struct.Struct("=I16s16s2s2s")
"""nf_nat_range: flags, addresses and ports."""
_NOTRACK, _NOTRACK_ALIAS = 1, 2  # XT_CT_NOTRACK, XT_CT_NOTRACK_ALIAS
_DEFAULT_LOG_LEVEL: Final = 4


def decode_target(name: str, revision: int, info: bytes, version: int) -> Outcome:
    """Return what a target does.

    Args:
        version: 4 or 6, of the family.
    """
    if name == "REJECT":
        return _reject(info, version)
    if name in _REWRITING:
        return _rewriting(name, revision, info, version)
    if name not in _PASSING:
        return Outcome(action=Action.OPAQUE, words=f"-j {name} ...")
    decoder = _DECODERS.get(name)
    return Outcome(words=f"-j {name} ...") if decoder is None else decoder(info)


def reject_words(kind: int, version: int) -> str:
    """Return how iptables writes a rejection."""
    names = _REJECTS4 if version == 4 else _REJECTS6
    said = names[kind] if kind < len(names) else str(kind)
    return f"-j REJECT --reject-with {said}"


def log_words(prefix: str, level: int | None, flags: int = 0) -> str:
    """Return how iptables writes a LOG."""
    words = "-j LOG"
    if prefix:
        words += f" --log-prefix {quoted(prefix)}"
    if level is not None and level != _DEFAULT_LOG_LEVEL:
        words += f" --log-level {level}"
    names = (
        (1, " --log-tcp-sequence"),
        (2, " --log-tcp-options"),
        (4, " --log-ip-options"),
        (8, " --log-uid"),
        (32, " --log-macdecode"),
    )
    return words + "".join(name for bit, name in names if flags & bit)


def _untracked(_info: bytes) -> Outcome:
    return Outcome(words="-j NOTRACK", effects=frozenset({Effect.UNTRACKS}))


def _ct(info: bytes) -> Outcome:
    flags = int.from_bytes(info[:2], sys.byteorder)
    if not flags & _NOTRACK:
        return Outcome(words="-j CT ...")
    if flags & _NOTRACK_ALIAS:
        return _untracked(info)
    return Outcome(words="-j CT --notrack", effects=frozenset({Effect.UNTRACKS}))


def _marks(name: str) -> Outcome:
    return Outcome(words=f"-j {name} ...", effects=frozenset({Effect.MARKS}))


def _trace(_info: bytes) -> Outcome:
    return Outcome(words="-j TRACE")


def _reject(info: bytes, version: int) -> Outcome:
    kind = int.from_bytes(info[:4], sys.byteorder)
    return Outcome(action=Action.REJECT, words=reject_words(kind, version))


def _mark(info: bytes) -> Outcome:
    words = "-j MARK"
    if len(info) >= 8:
        mark, mask = struct.unpack_from("=II", info)
        words += f" --set-xmark {mark:#x}/{mask:#x}"
    return Outcome(words=words, effects=frozenset({Effect.MARKS}))


def _log(info: bytes) -> Outcome:
    level, flags = (info[0], info[1]) if len(info) >= 2 else (_DEFAULT_LOG_LEVEL, 0)
    prefix = info[2:32].split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return Outcome(words=log_words(prefix, level, flags))


def _rewriting(name: str, revision: int, info: bytes, version: int) -> Outcome:
    words = f"-j {name}"
    said = _rewritten(name, revision, info, version)
    if said and _REWRITING[name]:
        words += f" {_REWRITING[name]} {said}"
    redirects = frozenset({Effect.REDIRECTS}) if name in _REDIRECTING else frozenset()
    return Outcome(action=Action.ACCEPT, words=words, effects=redirects)


def _rewritten(name: str, revision: int, info: bytes, version: int) -> str:
    """Return the addresses and ports of a range, empty if there are none."""
    if version == 4 and not (name == "DNAT" and revision == 2):
        if len(info) < _IPV4_RANGE.size:
            return ""
        _, flags, first, last, port, last_port = _IPV4_RANGE.unpack_from(info)
    else:
        if len(info) < _RANGE.size:
            return ""
        flags, first, last, port, last_port = _RANGE.unpack_from(info)
        size = 4 if version == 4 else 16
        first, last = first[:size], last[:size]
    ports = _span(int.from_bytes(port, "big"), int.from_bytes(last_port, "big"))
    if not flags & _HAS_ADDRESS:
        separator = "" if name == "REDIRECT" else ":"
        return f"{separator}{ports}" if flags & _HAS_PORT else ""
    addresses = _span(ip_address(first), ip_address(last))
    if not flags & _HAS_PORT:
        return addresses
    return f"[{addresses}]:{ports}" if version == 6 else f"{addresses}:{ports}"


def _span(first: object, last: object) -> str:
    return str(first) if first == last else f"{first}-{last}"


_DECODERS: Final[dict[str, Callable[[bytes], Outcome]]] = {
    "CONNMARK": lambda _: _marks("CONNMARK"),  # it may restore one
    "CT": _ct,
    "HMARK": lambda _: _marks("HMARK"),
    "LOG": _log,
    "MARK": _mark,
    "NOTRACK": _untracked,
    "TRACE": _trace,
}
"""Passing targets whose effect or words are known."""
