"""What one cycle shows of both ends of a pair: the controls."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.outcome import Expected, Observation, Result, Scope
from exporter.model.pair import Planned
from exporter.model.plan import plan
from exporter.model.topology import SandboxId, Topology
from exporter.model.verdict import Evidence, OwnKey, Seen
from tests.fakes.topologies import container, demo, endpoint, network, topology

PLANNED = {
    (item.pair.scope, str(item.pair.source), str(item.pair.address)): item
    for item in plan(demo(), set(Scope), lambda _: True)
}
GATEWAY, PEER = "172.18.0.1", "172.18.0.3"
OWN = "172.18.0.2"


def pick(source: str, address: str, scope: Scope = Scope.CONTAINER) -> Planned:
    """Return a pair of the demo."""
    return PLANNED[scope, source, address]


def gateway(source: str, address: str = GATEWAY) -> Planned:
    """Return the pair of a container of the demo with its gateway."""
    return pick(source, address, Scope.GATEWAY)


def saw(item: Planned, result: Result) -> Seen:
    """Return a pair with what became of it."""
    return item, Observation(result=result, sent=1)


def own(sandbox: str, address: str, result: Result) -> dict[OwnKey, Observation]:
    """Return what became of a sandbox pinging itself."""
    return {(SandboxId(sandbox), ip_address(address)): Observation(result=result)}


def link(sandbox: str, address: str, up: bool) -> dict[OwnKey, bool]:
    """Return the state of the link that has an address."""
    return {(SandboxId(sandbox), ip_address(address)): up}


FAR = pick("mybridge1", "172.17.0.2")
"""From mybridge1 to bridge1: isolated."""


@pytest.mark.parametrize(
    ("seen", "alive"),
    [
        pytest.param([(gateway("mybridge1"), Result.OK)], True, id="its gateway"),
        pytest.param([(pick("mybridge1", PEER), Result.OK)], True, id="a peer"),
        pytest.param(
            [
                (gateway("mybridge1"), Result.OK),
                (pick("mybridge1", PEER), Result.TIMEOUT),
            ],
            True,
            id="one answer is enough",
        ),
        pytest.param(
            [
                (gateway("mybridge1"), Result.TIMEOUT),
                (pick("mybridge1", PEER), Result.OK),
            ],
            True,
            id="whichever it is",
        ),
        pytest.param([(gateway("mybridge1"), Result.TIMEOUT)], False, id="silence"),
        pytest.param([(gateway("mybridge1"), Result.SEND_ERROR)], None, id="an error"),
        pytest.param([(gateway("mybridge1"), Result.SKIPPED)], None, id="not asked"),
        pytest.param([(FAR, Result.OK)], None, id="a leak is no promised peer"),
        pytest.param([(gateway("mybridge2"), Result.OK)], None, id="another source's"),
        pytest.param(
            [(pick("mybridge1", PEER, Scope.NAME), Result.OK)],
            None,
            id="a name is answered on loopback",
        ),
    ],
)
def test_a_source_lives_by_an_exchange_over_its_interface(
    seen: list[tuple[Planned, Result]], alive: bool | None
) -> None:
    """With its gateway or a promised peer."""
    evidence = Evidence([saw(*one) for one in seen], {}, {})

    assert alive is evidence.source_alive(FAR, ip_address(OWN))


@pytest.mark.parametrize(
    ("result", "up", "alive"),
    [
        (Result.OK, True, True),
        (Result.OK, False, False),
        (Result.TIMEOUT, True, False),
        (Result.OK, None, None),
        (Result.NETNS_ERROR, True, None),
        (None, True, None),
    ],
)
def test_where_nobody_is_promised_an_end_speaks_for_itself(
    result: Result | None, up: bool | None, alive: bool | None
) -> None:
    """Its own address answers while its link is up; unknown is not alive."""
    known = {} if result is None else own("mybridge1", OWN, result)
    links = {} if up is None else link("mybridge1", OWN, up)
    evidence = Evidence((), known, links)

    assert alive is evidence.source_alive(FAR, ip_address(OWN))
    assert alive is evidence.destination_alive(pick("bridge1", OWN))


@pytest.mark.parametrize("result", [Result.SEND_ERROR, Result.SKIPPED])
def test_who_could_not_be_asked_does_not_speak_for_itself(result: Result) -> None:
    """Somebody is promised, and was not measured: that leaves the end unknown."""
    known, links = own("mybridge1", OWN, Result.OK), link("mybridge1", OWN, up=True)
    evidence = Evidence([saw(gateway("mybridge1"), result)], known, links)

    assert evidence.source_alive(FAR, ip_address(OWN)) is None


@pytest.mark.parametrize("result", [Result.SEND_ERROR, Result.SKIPPED])
@pytest.mark.parametrize(
    ("by_gateway", "alive"),
    [(None, None), (Result.OK, True), (Result.TIMEOUT, False)],
    ids=str,
)
def test_who_could_not_ask_leaves_a_destination_to_its_gateway(
    result: Result, by_gateway: Result | None, alive: bool | None
) -> None:
    """A peer was promised it and not measured: only its gateway can speak for it."""
    seen = [saw(pick("mybridge2", OWN), result)]
    if by_gateway is not None:
        seen.append(saw(gateway("mybridge1"), by_gateway))
    known, links = own("mybridge1", OWN, Result.OK), link("mybridge1", OWN, up=True)

    assert alive is Evidence(seen, known, links).destination_alive(pick("bridge1", OWN))


def test_a_source_without_a_route_lives_by_any_own_address() -> None:
    """There is no interface to ask about; that its socket works is all there is."""
    inner, other = network("x", "10.1.0.0/24"), network("y", "10.2.0.0/24")
    found = topology(
        (inner, other),
        (
            container("a", endpoint("a", inner, "10.1.0.2", gateway=False)),
            container("b", endpoint("b", other, "10.2.0.2")),
        ),
    )
    lost = container_pair(found, "a", "10.2.0.2")
    works = Evidence((), own("a", "10.1.0.2", Result.OK), {})
    silent = Evidence((), own("a", "10.1.0.2", Result.TIMEOUT), {})

    assert works.source_alive(lost, None) is True
    assert silent.source_alive(lost, None) is None


def container_pair(found: Topology, source: str, address: str) -> Planned:
    """Return one pair of a topology."""
    return next(
        item
        for item in plan(found, {Scope.CONTAINER}, lambda _: True)
        if (item.pair.source, str(item.pair.address)) == (source, address)
    )


def test_the_host_lives_by_what_it_reaches_on_the_same_bridge() -> None:
    """Each bridge is an interface of its own."""
    on_mine = pick("host", OWN, Scope.HOST), pick("host", PEER, Scope.HOST)
    on_default = pick("host", "172.17.0.2", Scope.HOST)
    evidence = Evidence([saw(on_mine[0], Result.OK)], {}, {})

    assert evidence.source_alive(on_mine[1], None) is True
    assert evidence.source_alive(on_default, None) is None


@pytest.mark.parametrize(
    ("seen", "alive"),
    [
        pytest.param([(pick("host", OWN, Scope.HOST), Result.OK)], True, id="host"),
        pytest.param([(pick("mybridge2", OWN), Result.OK)], True, id="a peer"),
        pytest.param(
            [
                (pick("host", OWN, Scope.HOST), Result.TIMEOUT),
                (pick("mybridge2", OWN), Result.OK),
            ],
            True,
            id="one answer is enough",
        ),
        pytest.param(
            [
                (pick("host", OWN, Scope.HOST), Result.OK),
                (pick("mybridge2", OWN), Result.TIMEOUT),
            ],
            True,
            id="whichever it is",
        ),
        pytest.param(
            [(pick("host", OWN, Scope.HOST), Result.TIMEOUT)], False, id="silence"
        ),
        pytest.param(
            [(gateway("mybridge1"), Result.TIMEOUT)],
            False,
            id="its gateway does not answer it",
        ),
        pytest.param(
            [(gateway("mybridge1"), Result.OK)], True, id="nobody: it answers itself"
        ),
        pytest.param(
            [(pick("bridge1", OWN), Result.TIMEOUT)],
            True,
            id="silence where isolation is promised",
        ),
    ],
)
def test_a_destination_lives_by_answering_whom_it_should(
    seen: list[tuple[Planned, Result]], alive: bool
) -> None:
    """The host or a promised peer; else itself, unless its gateway is silent."""
    evidence = Evidence(
        [saw(*one) for one in seen],
        own("mybridge1", OWN, Result.OK),
        link("mybridge1", OWN, up=True),
    )

    assert alive is evidence.destination_alive(pick("bridge2", OWN))


def test_a_gateway_has_no_other_end_to_control() -> None:
    """It is the host's own address."""
    evidence = Evidence([saw(gateway("mybridge1"), Result.OK)], {}, {})

    assert evidence.destination_alive(gateway("mybridge1")) is None
    assert not evidence.ignores_echo(gateway("mybridge1"))


def test_a_pair_may_rest_on_both_links() -> None:
    """Of a source nobody spoke for and a destination that answered nobody."""
    assert {"mybridge1", "bridge1"} == Evidence((), {}, {}).unproven([FAR])


def test_links_are_asked_for_only_where_a_verdict_rests_on_them() -> None:
    """A source nobody spoke for, a destination that answered nobody; not the host."""
    answered = [
        saw(pick("mybridge1", PEER), Result.OK),
        saw(pick("mybridge2", OWN), Result.OK),
    ]
    silent = [saw(pick("bridge1", "172.17.0.3"), Result.TIMEOUT)]
    items = [pick("mybridge1", PEER), pick("bridge1", OWN), gateway("bridge2", GW)]
    host = pick("host", "172.17.0.3", Scope.HOST)

    assert {"bridge1", "bridge2"} == Evidence(answered, {}, {}).unproven(items)
    assert set() == Evidence(answered, {}, {}).unproven(items[:1])
    assert {"bridge2"} == Evidence(silent, {}, {}).unproven([host])


GW = "172.17.0.1"


# --- a policy and the controls --------------------------------------------------------

DOCKER_REACHABLE, DOCKER_ISOLATED = pick("mybridge1", PEER), FAR


def policy_of(item: Planned, expected: Expected) -> Planned:
    """Return a pair of which a policy expects something else."""
    decision = replace(
        item.decision, expected=expected, promised=item.decision.expected, policy=1
    )
    return replace(item, decision=decision)


@pytest.mark.parametrize(
    ("item", "result", "alive"),
    [
        pytest.param(
            policy_of(DOCKER_REACHABLE, Expected.ISOLATED),
            Result.TIMEOUT,
            False,
            id="Docker's promise counts although the policy isolates",
        ),
        pytest.param(
            policy_of(DOCKER_REACHABLE, Expected.UNKNOWN),
            Result.TIMEOUT,
            False,
            id="and although the policy ignores it",
        ),
        pytest.param(
            policy_of(DOCKER_REACHABLE, Expected.ISOLATED),
            Result.OK,
            True,
            id="a reply proves life although the policy isolates",
        ),
        pytest.param(
            policy_of(DOCKER_ISOLATED, Expected.REACHABLE),
            Result.OK,
            True,
            id="so does one that only the policy expects",
        ),
        pytest.param(
            policy_of(DOCKER_ISOLATED, Expected.REACHABLE),
            Result.TIMEOUT,
            None,
            id="whose silence says nothing of the ends",
        ),
        pytest.param(
            policy_of(DOCKER_ISOLATED, Expected.UNKNOWN),
            Result.OK,
            None,
            id="what nobody promises is no control",
        ),
        pytest.param(
            policy_of(DOCKER_REACHABLE, Expected.UNKNOWN),
            Result.SKIPPED,
            None,
            id="what was not asked says nothing",
        ),
    ],
)
def test_a_policy_takes_no_control_away(
    item: Planned, result: Result, alive: bool | None
) -> None:
    """What controls an end is Docker's promise, and every reply that is expected."""
    evidence = Evidence([saw(item, result)], {}, {})
    there = policy_of(item, Expected.ISOLATED)

    assert alive is evidence.source_alive(there, ip_address(OWN))
    assert alive is evidence.destination_alive(there)


@pytest.mark.parametrize(
    ("expected", "result", "alive"),
    [
        pytest.param(Expected.ISOLATED, Result.OK, True, id="it answers itself"),
        pytest.param(Expected.ISOLATED, Result.TIMEOUT, None, id="it does not"),
        pytest.param(Expected.ISOLATED, None, None, id="it was not asked"),
        pytest.param(Expected.REACHABLE, Result.OK, None, id="no silence is expected"),
    ],
)
def test_a_gateway_that_a_policy_isolates_lives_by_the_host(
    expected: Expected, result: Result | None, alive: bool | None
) -> None:
    """The host answers its own address; nobody else's reply is expected of it."""
    known = {} if result is None else own("host", GATEWAY, result)
    evidence = Evidence((), known, {})

    assert alive is evidence.destination_alive(
        policy_of(gateway("mybridge1"), expected)
    )
