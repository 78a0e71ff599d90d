"""Everything that the kernel lists, as the ruleset of one family; no I/O."""

from collections.abc import Iterable
from typing import Final

from exporter.model.firewall_rules import Action, Base, Chain, Hook, Rule
from exporter.model.topology import IpVersion
from exporter.netfilter.loads import Names
from exporter.netfilter.message import INET, text
from exporter.netfilter.objects import ListedChain, ListedRule
from exporter.netfilter.sets import SetKey, Sets
from exporter.netfilter.translate import translate

HOOKS: Final = (
    Hook.PREROUTING,
    Hook.INPUT,
    Hook.FORWARD,
    Hook.OUTPUT,
    Hook.POSTROUTING,
)
"""By NF_INET_*."""
_DROP: Final = 0  # NF_DROP
_REWRITES: Final = "nat"
_LOOKUP_SET: Final = 1  # NFTA_LOOKUP_SET


def compile_chains(
    chains: Iterable[ListedChain],
    rules: Iterable[ListedRule],
    sets: Sets,
    names: Names,
    ip_version: IpVersion,
) -> tuple[Chain, ...]:
    """Return the chains of nftables with their rules.

    Args:
        names: the interfaces, by index.
        ip_version: which packets rules for both families are read for.

    Raises:
        PacketError: a rule is malformed.
    """
    by_chain: dict[tuple[int, str, str], list[Rule]] = {}
    for listed in rules:
        key = (listed.family, listed.table, listed.chain)
        translated = translate(listed, sets, names, ip_version)
        by_chain.setdefault(key, []).extend(translated)
    return tuple(
        Chain(
            table=f"inet {chain.table}" if chain.family == INET else chain.table,
            name=chain.name,
            rules=tuple(by_chain.get((chain.family, chain.table, chain.name), ())),
            base=_base(chain),
        )
        for chain in chains
    )


def sets_of(rules: Iterable[ListedRule]) -> frozenset[SetKey]:
    """Return the sets that rules look into."""
    return frozenset(
        (rule.family, rule.table, text(expression.data, _LOOKUP_SET))
        for rule in rules
        for expression in rule.expressions
        if expression.name == "lookup"
    )


def _base(chain: ListedChain) -> Base | None:
    if chain.hook is None or chain.hook >= len(HOOKS):  # ingress is another layer
        return None
    return Base(
        hook=HOOKS[chain.hook],
        priority=chain.priority,
        policy=Action.DROP if chain.policy == _DROP else Action.ACCEPT,
        filters=chain.type != _REWRITES,
    )
