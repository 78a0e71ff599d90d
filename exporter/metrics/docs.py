"""The documentation of the metrics, made from the catalogue.

`python -m exporter.metrics.docs` prints docs/metrics.md; a test compares the two.
"""

import sys

from exporter.metrics import collector, exposition, limit
from exporter.metrics.catalogue import GROUPS, Group
from exporter.metrics.family import Family, Kind, Label

_INTRODUCTION = f"""\
# Metrics

<!-- Generated: python -m exporter.metrics.docs > docs/metrics.md -->

`/metrics` shows one snapshot: a scrape neither asks the engine nor sends a packet, \
and what no longer exists has no series. It answers in the classic text format, in \
OpenMetrics 1.0.0 where that is preferred, and with gzip where that is accepted. \
Each snapshot is rendered once, in a thread of its own; where that takes more than \
{exposition.QUICK_S * 1e3:.0f} ms, a scrape meanwhile shows the snapshot before. Only \
ages are of the moment of the scrape.

While the engine is down, `dockernet_docker_up` is 0, every judged pair is \
`unverified`, and no pair or endpoint has a measurement: silence is never shown as \
isolation, nor an old reply as a new one. What the engine said last (networks, \
containers, subnets) stays.

## How many series

No family grows with the square of the number of containers. The bounds below use:

| letter | what |
| --- | --- |
| B | networks of the engine |
| E | endpoints of running containers |
| V | address families in use, 1 or 2 |
| S | subnets of all networks |
| P | default address pools |

A histogram counts as its buckets, its sum and its count. All families together hold \
at most `dockernet_series_limit` ({collector.SERIES_LIMIT}) series; beyond it these \
are left out, one after the other, until the rest fits, and `dockernet_series_shed` \
says how many each took:

1. `pair_detail`: `dockernet_pair_reachable` and `dockernet_pair_rtt_seconds`;
2. `network_pairs`: cells that keep the promise;
3. `endpoint_info`: `dockernet_endpoint_info`;
4. `histograms`: all but the {limit.KEPT_NETWORKS} most probed networks share \
`network="{limit.MERGED_NETWORK}"`;
5. `endpoints`: `dockernet_endpoint_*`.

Verdict totals, violations and everything about the exporter itself always stay.

## Names in labels

Containers are named so that the name survives a restart: compose \
`project-service-N`, swarm `service.slot`, else the engine's name. Ids, addresses and \
images stand on `_info` families only; join them with `group_left`. Characters that \
do not print are written as escapes.
"""
_TABLE_HEAD = """\
| metric | type | labels | most series | what it says |
| --- | --- | --- | --- | --- |
"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    parts = [_INTRODUCTION]
    for group in GROUPS:
        parts.append(f"\n## {group.title}\n\n{_TABLE_HEAD}")
        parts.extend(_row(family) for family in group.families)
        parts.extend(_label_list(group))
    return "".join(parts)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label.name}`" for label in family.labels)
    kind = "gauge, 1" if family.kind is Kind.INFO else str(family.kind)
    cells = (f"`{family.full_name}`", kind, labels, family.bound, family.help)
    return f"| {' | '.join(cells)} |\n"


def _label_list(group: Group) -> list[str]:
    """Return the group's labels, each once in every meaning it has there."""
    labels: dict[Label, None] = {}
    for family in group.families:
        labels.update(dict.fromkeys(family.labels))
    return ["\nLabels:\n\n", *map(_label, labels)] if labels else []


def _label(label: Label) -> str:
    values = ", ".join(f"`{value}`" if value else "empty" for value in label.values)
    return f"- `{label.name}`: {label.text}{f' One of {values}.' if values else ''}\n"


def main() -> None:
    """Print the page."""
    sys.stdout.write(metrics_page())


if __name__ == "__main__":
    main()
