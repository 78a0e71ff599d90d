"""What holds for any policy on a host: against a reference that is plain and slow."""

from datetime import date
from fnmatch import fnmatchcase

from hypothesis import given

from exporter.model.pair import Planned
from exporter.model.policy import PolicyEntry, Selector
from exporter.model.topology import HOST, Container, ContainerId, Topology
from tests.fakes.policies import TODAY, planned_by, shop
from tests.strategies_policy import POLICIES

FOUND = shop()
DOCKER = planned_by(found=FOUND)


def any_of(globs: tuple[str, ...], *names: str | None) -> bool:
    """Return whether no glob is given, or one fits one of the names."""
    return not globs or any(
        fnmatchcase(name, glob) for glob in globs for name in names if name is not None
    )


def members(found: Topology, owner: str) -> list[Container]:
    """Return the containers of a network stack."""
    joined = [one for one in found.containers if one.network_mode.endswith(f":{owner}")]
    return [found.container_by_id[ContainerId(owner)], *joined]


def fits_containers(selector: Selector, found: list[Container]) -> bool:
    """Return whether one container fits the names, and one a label."""
    named = any(
        any_of(selector.container, one.name, one.raw_name)
        and any_of(selector.project, one.project)
        and any_of(selector.service, one.service)
        for one in found
    )
    values = [f"{key}={value}" for one in found for key, value in one.labels.items()]
    wanted = [label if "=" in label else f"{label}=*" for label in selector.label]
    return named and (
        not wanted or any(fnmatchcase(v, label) for v in values for label in wanted)
    )


def fits_source(entry: PolicyEntry, item: Planned) -> bool:
    """Return whether an entry fits a pair's source."""
    if item.pair.source == HOST:
        return entry.source == Selector()
    if entry.source.network:
        over = item.decision.source_network
        way = FOUND.network_by_id[over] if over else None
        if way is None or not any_of(entry.source.network, way.name, way.raw_name):
            return False
    return fits_containers(entry.source, members(FOUND, item.pair.source))


def fits_destination(entry: PolicyEntry, item: Planned) -> bool:
    """Return whether an entry fits a pair's destination."""
    there, to = FOUND.network_by_id[item.pair.network], entry.destination
    if not any_of(to.network, there.name, there.raw_name):
        return False
    if item.pair.destination is None:
        return not (to.container or to.project or to.service or to.label)
    return fits_containers(to, members(FOUND, item.pair.destination))


def fits(entry: PolicyEntry, item: Planned) -> bool:
    """Return whether an entry fits a pair, said as plainly as it can be."""
    return (
        item.pair.scope in entry.scopes
        and entry.ip_version in (None, item.pair.ip_version)
        and (entry.until is None or entry.until >= TODAY)
        and fits_source(entry, item)
        and fits_destination(entry, item)
    )


@given(POLICIES)
def test_the_first_entry_that_fits_decides(policy: tuple[PolicyEntry, ...]) -> None:
    """And nothing else about a pair changes."""
    wanted = [
        next((n for n, entry in enumerate(policy, 1) if fits(entry, item)), None)
        for item in DOCKER
    ]
    found = planned_by(*policy, found=FOUND, today=TODAY)

    assert wanted == [item.decision.policy for item in found]
    for docker, item in zip(DOCKER, found, strict=True):
        number, decision = item.decision.policy, item.decision
        assert docker.pair == item.pair
        if number is None:
            assert docker == item
        else:
            assert (
                decision.expected,
                decision.policy_reason,
                decision.promised,
                decision.promised_by,
                decision.rule,
            ) == (
                policy[number - 1].expected,
                policy[number - 1].reason,
                docker.decision.expected,
                docker.decision.rule,
                f"policy-{number}",
            )


@given(POLICIES)
def test_what_has_expired_is_as_if_it_were_not_there(
    policy: tuple[PolicyEntry, ...],
) -> None:
    """But for the numbers of those after it."""
    kept = [entry for entry in policy if not entry.has_expired(TODAY)]
    whole = planned_by(*policy, found=FOUND, today=TODAY)
    rest = planned_by(*kept, found=FOUND, today=date.min)

    assert [item.decision.expected for item in rest] == [
        item.decision.expected for item in whole
    ]
