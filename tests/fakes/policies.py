"""Policies in a few words, and a host to try them on."""

from dataclasses import replace
from datetime import date

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Planned
from exporter.model.plan import plan
from exporter.model.policy import ALWAYS, EVERYTHING, Policy, PolicyEntry, Selector
from exporter.model.topology import Container, Sandbox, SandboxId, Topology
from tests.fakes.topologies import container, endpoint, network, topology

TODAY = date(2026, 6, 30)


def entry(
    expected: Expected = Expected.REACHABLE,
    *,
    source: Selector = EVERYTHING,
    destination: Selector = EVERYTHING,
    scopes: frozenset[Scope] = frozenset({Scope.CONTAINER}),
    until: date | None = None,
    reason: str = "",
) -> PolicyEntry:
    """Return an entry that fits all pairs of containers unless it is told more."""
    return PolicyEntry(
        source=source,
        destination=destination,
        scopes=scopes,
        expected=expected,
        until=until,
        reason=reason,
    )


def labelled(one: Container, **labels: str) -> Container:
    """Return a container with labels; `dockernet_ignore` is `dockernet.ignore`."""
    return replace(one, labels={k.replace("_", "."): v for k, v in labels.items()})


def shop() -> Topology:
    """Return two compose projects, a container of neither, and a joined one.

    `shop-web-1` and `shop-db-1` are on `shop`, `bill-db-1` on `bill`, `lone` on both.
    `probe` has joined the network stack of `shop-web-1`. Both families.
    """
    one = network("shop_default", "172.21.0.0/16", "fd00:21::/64")
    two = network("bill_default", "172.22.0.0/16", "fd00:22::/64")
    one, two = replace(one, name="shop"), replace(two, name="bill")

    def on(name: str, number: int, *nets: int) -> Container:
        found = {21: one, 22: two}
        return container(
            name,
            *(
                endpoint(
                    name,
                    found[net],
                    f"172.{net}.0.{number}",
                    f"fd00:{net}::{number}",
                )
                for net in nets
            ),
        )

    def of(one: Container, project: str, service: str) -> Container:
        raw = f"{project}_{service}_1"
        return replace(one, project=project, service=service, raw_name=raw)

    web = labelled(of(on("shop-web-1", 2, 21), "shop", "web"), tier="front-end")
    joined = labelled(container("probe", mode="container:shop-web-1"), role="probe")
    found = topology(
        (two, one),
        (
            of(on("bill-db-1", 2, 22), "bill", "db"),
            labelled(on("lone", 9, 21, 22), tier=""),
            of(on("shop-db-1", 3, 21), "shop", "db"),
            web,
        ),
    )
    return replace(
        found,
        containers=(*found.containers, joined),
        sandboxes=tuple(_with_joined(one, joined) for one in found.sandboxes),
    )


def _with_joined(sandbox: Sandbox, joined: Container) -> Sandbox:
    if sandbox.id != SandboxId("shop-web-1"):
        return sandbox
    return replace(sandbox, members=(*sandbox.members, joined.id))


def planned_by(
    *entries: PolicyEntry, found: Topology | None = None, today: date = ALWAYS
) -> tuple[Planned, ...]:
    """Return every pair as a policy decides it."""
    everything = frozenset(Scope)
    return plan(found or shop(), everything, lambda _: True, Policy(entries), today)


def decided(
    *entries: PolicyEntry, found: Topology | None = None, today: date = ALWAYS
) -> set[tuple[str, str, str]]:
    """Return scope, source and destination of what a policy decides, IPv4 only."""
    return {
        (item.pair.scope, item.pair.source, str(item.pair.destination))
        for item in planned_by(*entries, found=found, today=today)
        if item.decision.policy is not None and item.pair.ip_version == 4
    }
