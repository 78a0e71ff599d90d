"""What the rules of nftables do, one statement at a time; no I/O.

Sources: nft(8) "VERDICT STATEMENTS" and "STATEMENTS"; nf_tables.h.
"""

from dataclasses import replace
from typing import Final

from exporter.model.firewall_rules import Action, Effect
from exporter.netfilter.clause import Outcome, quoted
from exporter.netfilter.message import Attributes, number, text
from exporter.netfilter.objects import Verdict
from exporter.netfilter.xtargets import decode_target, log_words

_ACTIONS: Final = {
    0: Action.DROP,
    1: Action.ACCEPT,
    -1: Action.CONTINUE,
    -3: Action.JUMP,
    -4: Action.GOTO,
    -5: Action.RETURN,
}
"""By NF_* and NFT_*; queues and whatever comes may decide."""

_PLAIN: Final = {
    **{
        name: Outcome(words=name)
        for name in ("dup", "flow_offload", "last")  # then it goes on
    },
    **{
        name: Outcome(action=Action.OPAQUE, words=name)
        for name in ("fwd", "queue", "synproxy", "tproxy")  # may take the packet away
    },
    "notrack": Outcome(words="notrack", effects=frozenset({Effect.UNTRACKS})),
    "reject": Outcome(action=Action.REJECT, words="reject"),
}
"""Statements whose data does not matter here."""
_IPTABLES_WORDS: Final = {
    "notrack": "-j NOTRACK",
    "queue": "-j NFQUEUE",
    "reject": "-j REJECT",
}
_REWRITING: Final = frozenset({"masq", "nat", "redir"})
_UNITS: Final = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
_SHORT: Final = {1: "sec", 60: "min", 3600: "hour", 86400: "day"}
_DEFAULT_BURST: Final = 5
_DESTINATION_NAT: Final = 1  # NFT_NAT_DNAT


def decode_verdict(verdict: Verdict) -> Outcome:
    """Return what a verdict means."""
    action = _ACTIONS.get(verdict.code, Action.OPAQUE)
    said = f"verdict {verdict.code}" if action is Action.OPAQUE else ""
    return Outcome(action=action, target=verdict.chain, words=said)


def decode_statement(
    name: str, data: Attributes, version: int, *, is_iptables: bool
) -> Outcome | None:
    """Return what a statement does, None if it is none that is known.

    Args:
        version: 4 or 6, of the packets.
        is_iptables: whether the words are those of iptables, which has none for what it
            does not write itself.

    Raises:
        PacketError: it is malformed.
    """
    if name == "target":
        return decode_target(text(data, 1), number(data, 2), data.get(3, b""), version)
    if name in _REWRITING:
        return _rewriting(name, data, is_iptables=is_iptables)
    if name == "log":
        return Outcome(words=_log_words(data, is_iptables=is_iptables))
    known = _PLAIN.get(name)
    if known is not None and is_iptables:
        return replace(known, words=_IPTABLES_WORDS.get(name, ""))
    return known


def _rewriting(name: str, data: Attributes, *, is_iptables: bool) -> Outcome:
    redirects = name == "redir"
    said = {"masq": "masquerade", "redir": "redirect"}.get(name, "snat")
    if name == "nat" and number(data, 1) == _DESTINATION_NAT:
        redirects, said = True, "dnat"
    return Outcome(
        action=Action.ACCEPT,
        words=f"-j {said.upper()}" if is_iptables else said,
        effects=frozenset({Effect.REDIRECTS}) if redirects else frozenset(),
    )


def _log_words(data: Attributes, *, is_iptables: bool) -> str:
    prefix = text(data, 2)
    if not is_iptables:
        return f'log prefix "{prefix}"' if prefix else "log"
    if 1 not in data:
        level = number(data, 5) if 5 in data else None
        return log_words(prefix, level, number(data, 6))
    said = "-j NFLOG"
    if prefix:
        said += f" --nflog-prefix {quoted(prefix)}"
    if group := number(data, 1):
        said += f" --nflog-group {group}"
    return said


def limit_words(data: Attributes, *, is_iptables: bool) -> str:
    """Return a limit of packets as people write it."""
    rate, seconds, burst = number(data, 1), number(data, 2), number(data, 3)
    unit = _UNITS.get(seconds, f"{seconds} s")
    if not is_iptables:
        over = "over " if number(data, 5) & 1 else ""
        return f"limit rate {over}{rate}/{unit}"
    said = f"-m limit --limit {rate}/{_SHORT.get(seconds, unit)}"
    return said if burst == _DEFAULT_BURST else f"{said} --limit-burst {burst}"
