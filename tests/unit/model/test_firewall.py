"""How a packet goes through chains: order, jumps, policies, and what is not known."""

import pytest

from exporter.model.firewall import Fate, Hook, Packet, Ruleset, Step, Trace
from exporter.model.firewall_rules import (
    DESTINATION_REWRITTEN,
    NEW,
    UNTRACKED,
    Action,
    AnyCondition,
    Base,
    Chain,
    Condition,
    Effect,
    Field,
    Opaque,
    Rule,
    has_any,
    interface,
    is_one_of,
)
from tests.fakes.netfilter import packet

PACKET = packet("10.1.0.2", "10.2.0.2", "br1", "br2")
OPAQUE = Opaque(text="-m recent")
ICMP = is_one_of(Field.PROTOCOL, 1)
NEVER = is_one_of(Field.PROTOCOL, 6)


def rule(
    action: Action = Action.CONTINUE,
    *conditions: AnyCondition,
    target: str = "",
    effects: frozenset[Effect] = frozenset(),
) -> Rule:
    """Return a rule that is called after what it does."""
    return Rule(
        text=f"{action.name} {target}".strip(),
        conditions=conditions,
        action=action,
        target=target,
        effects=effects,
    )


def base(
    *rules: Rule,
    policy: Action = Action.ACCEPT,
    table: str = "filter",
    priority: int = 0,
    hook: Hook = Hook.FORWARD,
    filters: bool = True,
) -> Chain:
    """Return a base chain, called after its hook."""
    return Chain(
        table=table,
        name=hook.name,
        rules=rules,
        base=Base(hook=hook, priority=priority, policy=policy, filters=filters),
    )


def user(name: str, *rules: Rule) -> Chain:
    """Return a chain of the table `filter` that is jumped to."""
    return Chain(table="filter", name=name, rules=rules)


def trace(*chains: Chain, hook: Hook = Hook.FORWARD, of: Packet = PACKET) -> Trace:
    """Return what becomes of a packet."""
    return Ruleset(ip_version=4, chains=chains).trace(hook, of)


def step(said: str, chain: str = "FORWARD") -> Step:
    """Return a step."""
    return Step(table="filter", chain=chain, rule=said)


class TestWay:
    """Which rule is met when."""

    def test_no_chain_lets_everything_through(self) -> None:
        """Where no chain stands at the hook, nothing decides."""
        assert Trace(fate=Fate.ACCEPT, decided_by=None, path=()) == trace()

    @pytest.mark.parametrize(
        ("policy", "fate"), [(Action.ACCEPT, Fate.ACCEPT), (Action.DROP, Fate.DROP)]
    )
    def test_a_policy_decides_what_no_rule_does(
        self, policy: Action, fate: Fate
    ) -> None:
        """A rule that does not fit, or only counts, leaves it to the policy."""
        found = trace(base(rule(Action.DROP, NEVER), rule(), policy=policy))

        decider = step(f"policy {policy.name}")
        assert (
            Trace(fate=fate, decided_by=decider, path=(step("CONTINUE"), decider))
            == found
        )

    def test_the_first_rule_that_fits_decides(self) -> None:
        """Later ones are not met."""
        found = trace(base(rule(Action.REJECT), rule(Action.ACCEPT)))

        assert Fate.REJECT is found.fate

    def test_a_return_goes_back_behind_the_jump(self) -> None:
        """And so does the end of a chain."""
        found = trace(
            base(rule(Action.JUMP, target="A"), rule(Action.JUMP, target="B")),
            user("A", rule(Action.RETURN), rule(Action.ACCEPT)),
            user("B", rule(Action.DROP)),
        )

        assert Fate.DROP is found.fate
        assert (
            step("JUMP A"),
            step("RETURN", "A"),
            step("JUMP B"),
            step("DROP", "B"),
        ) == found.path

    def test_a_goto_does_not_come_back(self) -> None:
        """What stands behind it is passed over; its caller goes on."""
        found = trace(
            base(rule(Action.JUMP, target="A"), rule(Action.REJECT)),
            user("A", rule(Action.GOTO, target="B"), rule(Action.ACCEPT)),
            user("B"),
        )

        assert Fate.REJECT is found.fate

    def test_a_return_of_a_base_chain_is_its_policy(self) -> None:
        """There is nowhere to go back to."""
        found = trace(
            base(rule(Action.RETURN), rule(Action.ACCEPT), policy=Action.DROP)
        )

        assert step("policy DROP") == found.decided_by

    @pytest.mark.parametrize("target", ["A", "MISSING"])
    def test_jumps_that_lead_nowhere(self, target: str) -> None:
        """A loop, or a chain that is not there, is unclear."""
        found = trace(
            base(rule(Action.JUMP, target=target)),
            user("A", rule(Action.JUMP, target="A")),
        )

        assert Fate.UNCLEAR is found.fate

    def test_the_tables_of_both_kinds_are_apart(self) -> None:
        """A jump stays in its own table, where another has a chain of that name."""
        legacy = Chain(
            table="filter", name="A", rules=(rule(Action.DROP),), legacy=True
        )

        found = trace(base(rule(Action.JUMP, target="A")), user("A"), legacy)

        assert Fate.ACCEPT is found.fate


class TestSeveralChains:
    """Several base chains at one hook."""

    def test_the_lowest_priority_comes_first(self) -> None:
        """Whatever the order in which they were made."""
        found = trace(
            base(rule(Action.REJECT), priority=10),
            base(rule(Action.DROP), table="raw", priority=-300),
        )

        assert Fate.DROP is found.fate

    def test_of_one_priority_the_newest_comes_first(self) -> None:
        """As the kernel inserts it."""
        found = trace(base(rule(Action.DROP)), base(rule(Action.REJECT), table="x"))

        assert Fate.REJECT is found.fate

    def test_an_accepted_packet_is_seen_by_the_next(self) -> None:
        """Each may still drop it."""
        found = trace(base(rule(Action.ACCEPT)), base(rule(Action.DROP), priority=1))

        assert Fate.DROP is found.fate

    def test_a_rule_that_accepted_is_named_before_a_policy(self) -> None:
        """The path ends with it."""
        found = trace(base(rule(Action.ACCEPT)), base(rule(), table="x", priority=1))

        assert step("ACCEPT") == found.decided_by
        assert (step("ACCEPT"),) == found.path

    def test_the_last_rule_that_accepted_is_named(self) -> None:
        """Of several."""
        found = trace(
            base(rule(Action.ACCEPT), table="raw", priority=-300),
            base(rule(Action.ACCEPT)),
        )

        assert step("ACCEPT") == found.decided_by

    def test_a_chain_that_rewrites_addresses_is_left_out(self) -> None:
        """It does not filter."""
        assert Fate.ACCEPT is trace(base(rule(Action.DROP), filters=False)).fate

    def test_other_hooks_are_left_out(self) -> None:
        """Only what stands at the hook decides."""
        assert Fate.ACCEPT is trace(base(rule(Action.DROP), hook=Hook.INPUT)).fate


class TestUnclear:
    """What is not understood."""

    @pytest.mark.parametrize("action", [a for a in Action if a is not Action.CONTINUE])
    def test_an_opaque_condition_of_a_rule_that_may_decide(
        self, action: Action
    ) -> None:
        """It makes the trace unclear, and is named."""
        found = trace(base(rule(action, OPAQUE), rule(Action.DROP)))

        assert Fate.UNCLEAR is found.fate
        assert step(action.name) == found.decided_by

    @pytest.mark.parametrize(
        ("rules", "fate"),
        [
            # It decides nothing, or fails otherwise.
            ((rule(Action.CONTINUE, OPAQUE), rule(Action.DROP)), Fate.DROP),
            ((rule(Action.DROP, OPAQUE, NEVER),), Fate.ACCEPT),
            ((rule(Action.DROP, NEVER, OPAQUE),), Fate.ACCEPT),
            # The packet does not get there.
            ((rule(Action.DROP), rule(Action.ACCEPT, OPAQUE)), Fate.DROP),
        ],
    )
    def test_an_opaque_condition_that_does_not_matter(
        self, rules: tuple[Rule, ...], fate: Fate
    ) -> None:
        """Then the trace is clear."""
        assert fate is trace(base(*rules)).fate

    @pytest.mark.parametrize(
        ("action", "fate"),
        [(Action.ACCEPT, Fate.UNCLEAR), (Action.DROP, Fate.DROP)],
    )
    def test_rules_that_are_not_read(self, action: Action, fate: Fate) -> None:
        """They might still drop what the others accept; not the other way round."""
        chains = (base(rule(action)),)
        ruleset = Ruleset(ip_version=4, chains=chains, unread=("legacy",))

        found = ruleset.trace(Hook.FORWARD, PACKET)

        assert fate is found.fate
        assert found.path[-1] == found.decided_by

    @pytest.mark.parametrize(
        ("effect", "condition"),
        [
            (Effect.MARKS, is_one_of(Field.MARK, 0)),
            (Effect.REDIRECTS, has_any(Field.STATE, DESTINATION_REWRITTEN)),
            (Effect.UNTRACKS, has_any(Field.STATE, NEW | UNTRACKED)),
        ],
    )
    @pytest.mark.parametrize(("reaches", "is_unclear"), [(ICMP, True), (NEVER, False)])
    def test_what_an_earlier_rule_may_have_done(
        self, effect: Effect, condition: Condition, reaches: Condition, is_unclear: bool
    ) -> None:
        """A rule of any chain that may mark, redirect or untrack takes certainty."""
        changes = base(
            rule(Action.CONTINUE, reaches, OPAQUE, effects=frozenset({effect})),
            hook=Hook.PREROUTING,
            filters=False,
        )

        found = trace(changes, base(rule(Action.DROP, condition)))

        assert is_unclear is (found.fate is Fate.UNCLEAR)


class TestFields:
    """What is known of an echo request."""

    @pytest.mark.parametrize(
        ("condition", "fits"),
        [
            (interface("br1"), True),
            (interface("br"), False),
            (interface("br10"), False),
            (interface("br+"), True),
            (interface("br1+"), True),
            (interface("br2+"), False),
            (interface("+"), True),
            (interface("br1", negated=True), False),
            (interface("br2", out=True), True),
            (interface("br2", out=True, negated=True), False),
            (is_one_of(Field.FAMILY, 2), True),
            (is_one_of(Field.ICMP, 0x0800), True),
            (has_any(Field.STATE, NEW), True),
            (has_any(Field.STATE, 2 | 4), False),
            (has_any(Field.STATE, DESTINATION_REWRITTEN), False),
            (is_one_of(Field.MARK, 0), True),
            (is_one_of(Field.DIRECTION, 0), True),
            (is_one_of(Field.BRIDGED, 1), False),
            (is_one_of(Field.DESTINATION_TYPE, 2), False),
            (is_one_of(Field.SOURCE_TYPE, 1), True),
        ],
    )
    def test_forwarded(self, condition: Condition, fits: bool) -> None:
        """Each field has the value that the packet has on its way through."""
        assert fits is (trace(base(rule(Action.DROP, condition))).fate is Fate.DROP)

    def test_a_packet_on_one_bridge(self) -> None:
        """It is bridged."""
        bridged = packet("10.1.0.2", "10.1.0.3", "br1", "br1")

        found = trace(base(rule(Action.DROP, is_one_of(Field.BRIDGED, 1))), of=bridged)

        assert Fate.DROP is found.fate

    @pytest.mark.parametrize(
        ("hook", "outside", "fate"),
        [
            (Hook.PREROUTING, None, Fate.UNCLEAR),
            (Hook.INPUT, None, Fate.DROP),
            (Hook.OUTPUT, "lo", Fate.DROP),
            (Hook.OUTPUT, "br1", Fate.ACCEPT),
        ],
    )
    def test_whether_an_address_is_local(
        self, hook: Hook, outside: str | None, fate: Fate
    ) -> None:
        """The way tells, except before it is chosen."""
        local = is_one_of(Field.DESTINATION_TYPE, 2)

        found = trace(
            base(rule(Action.DROP, local), hook=hook),
            hook=hook,
            of=packet("10.1.0.2", "10.1.0.1", None, outside),
        )

        assert fate is found.fate

    def test_ipv6(self) -> None:
        """Its protocol and its type of message are others."""
        asked = (
            is_one_of(Field.PROTOCOL, 58),
            is_one_of(Field.ICMP, 0x8000),
            is_one_of(Field.FAMILY, 10),
        )

        found = trace(
            base(rule(Action.DROP, *asked)),
            of=packet("fd00::1", "fd00::2", "br1", "br2"),
        )

        assert Fate.DROP is found.fate


class TestRuleset:
    """What else is asked of it."""

    @pytest.mark.parametrize(
        ("ruleset", "is_empty"),
        [
            (Ruleset(ip_version=4), True),
            (Ruleset(ip_version=4, chains=(base(),)), True),
            (Ruleset(ip_version=4, chains=(base(policy=Action.DROP),)), False),
            (Ruleset(ip_version=4, chains=(base(rule()),)), False),
            (Ruleset(ip_version=4, unread=("no",)), False),
        ],
    )
    def test_empty(self, ruleset: Ruleset, is_empty: bool) -> None:
        """Open chains without rules are as good as none."""
        assert is_empty is ruleset.is_empty

    def test_an_engine_shows_by_its_chains(self) -> None:
        """Their names begin alike on every release."""
        assert Ruleset(ip_version=4, chains=(user("DOCKER-USER"),)).has_docker_chains
        assert not Ruleset(ip_version=4, chains=(user("X"),)).has_docker_chains

    @pytest.mark.parametrize("legacy_first", [False, True])
    def test_a_chain_that_both_kinds_have(self, legacy_first: bool) -> None:
        """The one with rules is shown."""
        empty = user("A")
        held = Chain(table="filter", name="A", rules=(rule(),), legacy=True)
        chains = (held, empty) if legacy_first else (empty, held)

        ruleset = Ruleset(ip_version=4, chains=chains)

        assert ("CONTINUE",) == ruleset.chain("filter", "A")
