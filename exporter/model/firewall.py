"""What a host's packet filter does to one packet, rule by rule.

Pure: `exporter.netfilter` reads the rules from the kernel. Only what Docker and the
people beside it write is understood (interfaces, addresses, protocol, connection
state); a rule with any other condition makes the answer unclear, never a guess.
Sources: nft(8), iptables(8), iptables-extensions(8).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.model.firewall_rules import (
    Action,
    Base,
    Chain,
    Fit,
    Hook,
    Packet,
    Rule,
    Sight,
    effects_on,
)
from exporter.model.topology import IpVersion

__all__ = ["Fate", "Hook", "Packet", "Ruleset", "Step", "Trace"]

_MAX_DEPTH: Final = 64
"""Jumps within jumps; the kernel allows 16 (NFT_JUMP_STACK_SIZE), and no loops."""
_MAX_RULES: Final = 200_000
"""Rules looked at for one packet."""
_DOCKER: Final = "DOCKER"


class Fate(StrEnum):
    """What becomes of a packet at a hook."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNCLEAR = "unclear"
    """A rule that may decide has a condition that is not understood."""


_FATES: Final = {
    Action.ACCEPT: Fate.ACCEPT,
    Action.DROP: Fate.DROP,
    Action.REJECT: Fate.REJECT,
    Action.OPAQUE: Fate.UNCLEAR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rule that fitted, or the policy of a base chain."""

    table: str
    chain: str
    rule: str
    """As `iptables -S` or `nft list ruleset` writes it; `policy DROP` of a chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What becomes of a packet, and by which rule."""

    fate: Fate
    decided_by: Step | None
    """The rule or policy that decided; None where no chain stands at the hook.

    Every chain at a hook has to accept. What accepted is then the last rule that did,
    and a policy only where no rule did.
    """
    path: tuple[Step, ...]
    """Every rule that fitted, in order, the deciding one last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """The rules of one namespace for one family: tables of chains of rules."""

    ip_version: IpVersion
    chains: tuple[Chain, ...] = ()
    """Base chains of one hook and priority in the order in which they were made."""
    unread: tuple[str, ...] = ()
    """Why some of what filters here is not among the chains, each for a user."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing here can stop a packet: no rule, and no closed policy."""
        return not self.unread and not any(
            chain.rules or (chain.base and chain.base.policy is Action.DROP)
            for chain in self.chains
        )

    @property
    def has_docker_chains(self) -> bool:
        """Whether an engine wrote into this namespace."""
        return any(chain.name.startswith(_DOCKER) for chain in self.chains)

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return the rules of a chain as text, None where there is no such chain.

        Where both kinds of iptables have it, the one with rules; nftables' if both do.
        """
        found = [c for c in self.chains if (c.table, c.name) == (table, name)]
        if not found:
            return None
        best = min(found, key=lambda chain: (not chain.rules, chain.legacy))
        return tuple(rule.text for rule in best.rules)

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Return what every base chain at a hook together does to a packet.

        What a chain does that only rewrites addresses is left out, and so are the
        tables of frames (bridge, netdev); an echo request is taken for the first packet
        of a connection. Where rules are unread, acceptance by the others is unclear.
        """
        trace = _Walk(self, hook, packet).trace()
        if trace.fate is not Fate.ACCEPT or not self.unread:
            return trace
        doubt = Step(table="", chain=hook.name, rule=self.unread[0])
        return Trace(fate=Fate.UNCLEAR, decided_by=doubt, path=(*trace.path, doubt))


class _Walk:
    """One packet's way through the chains of a hook."""

    def __init__(self, ruleset: Ruleset, hook: Hook, packet: Packet) -> None:
        self._ruleset = ruleset
        self._hook = hook
        self._chains = {(c.legacy, c.table, c.name): c for c in ruleset.chains}
        self._sight = Sight(
            packet=packet, hook=hook, effects=effects_on(packet, ruleset.chains)
        )
        self._path: list[Step] = []
        self._rules_left = _MAX_RULES

    def trace(self) -> Trace:
        by_rule: int | None = None  # how long the path is with the last such rule
        by_policy: Step | None = None
        for chain, base in self._bases():
            decision = self._pass(chain, 0)
            if decision is None:
                policy = Step(
                    table=chain.table,
                    chain=chain.name,
                    rule=f"policy {base.policy.name}",
                )
                decision = base.policy
                if base.policy is Action.ACCEPT:
                    by_policy = policy
                    continue
                self._path.append(policy)
            if decision is not Action.ACCEPT:
                return self._ended(_FATES[decision])
            by_rule = len(self._path)
        if by_rule is not None:
            del self._path[by_rule:]
        elif by_policy is not None:
            self._path.append(by_policy)
        if by_rule is None and by_policy is None:
            return Trace(fate=Fate.ACCEPT, decided_by=None, path=())
        return self._ended(Fate.ACCEPT)

    def _ended(self, fate: Fate) -> Trace:
        return Trace(fate=fate, decided_by=self._path[-1], path=tuple(self._path))

    def _bases(self) -> Iterator[tuple[Chain, Base]]:
        """Yield the chains at the hook, in the order in which they see packets.

        Of one priority the newest comes first (`nf_hook_entries_grow`).
        """
        found = [
            (chain, chain.base)
            for chain in reversed(self._ruleset.chains)
            if chain.base and chain.base.hook is self._hook and chain.base.filters
        ]
        found.sort(key=lambda entry: entry[1].priority)
        yield from found

    def _pass(self, chain: Chain, depth: int) -> Action | None:
        """Return what a chain decides, None if it leaves it to who called it."""
        for rule in chain.rules:
            self._rules_left -= 1
            fit = self._sight.fit(rule)
            if fit is Fit.NO or (fit is Fit.UNKNOWN and rule.action is Action.CONTINUE):
                continue
            self._path.append(Step(table=chain.table, chain=chain.name, rule=rule.text))
            if fit is Fit.UNKNOWN or self._rules_left <= 0:
                return Action.OPAQUE
            if rule.action is Action.RETURN:
                return None
            if rule.action in _FATES:
                return rule.action
            if rule.action in (Action.JUMP, Action.GOTO):
                decision = self._follow(chain, rule, depth)
                if decision is not None or rule.action is Action.GOTO:
                    return decision
        return None

    def _follow(self, chain: Chain, rule: Rule, depth: int) -> Action | None:
        target = self._chains.get((chain.legacy, chain.table, rule.target))
        if target is None or depth >= _MAX_DEPTH:
            return Action.OPAQUE
        return self._pass(target, depth + 1)
