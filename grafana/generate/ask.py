"""Queries: PromQL that respects the variables of the dashboard.

of("docker_up")
# dockernet_docker_up{job=~"$job",instance=~"$instance"}
"""

from collections.abc import Sequence

HOSTS = 'job=~"$job",instance=~"$instance"'
"""The exporters that are looked at; every selector carries it."""
NETWORK = 'network=~"$network"'
FAMILY = 'ip_version=~"$ip_version"'
LEAK = 'kind="unexpected_reachable"'
LOST = 'kind="unexpected_unreachable"'
ICMP = 'protocol="icmp"'
UNVERIFIED = 'verdict="unverified"'
VIOLATION = "pair_violation_start_timestamp_seconds"
"""Exists while a pair contradicts the promise, on hosts of every size."""
SINCE_CYCLES = "15s"
"""Least step of what changes once a cycle: the exporter's default interval."""
MINUTES = "1m"
"""Least step of a figure that is to be calm: its rates are of four minutes."""


def of(metric: str, *matchers: str) -> str:
    """Return a selector for a metric of the exporter, without its prefix."""
    return f"dockernet_{metric}{{{','.join([HOSTS, *matchers])}}}"


def rate(metric: str, *matchers: str) -> str:
    """Return the rate of a counter."""
    return f"rate({of(metric, *matchers)}[$__rate_interval])"


def total(by: str, inner: str) -> str:
    """Return the sum over all labels but these; over all if there are none."""
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def touching(metric: str, *matchers: str) -> str:
    """Return the pairs with an end on a network that is looked at."""
    ends = (f'{end}_network=~"$network"' for end in ("source", "destination"))
    return " or ".join(of(metric, FAMILY, *matchers, end) for end in ends)


def quantile(share: float, by: str, metric: str, *matchers: str) -> str:
    """Return a quantile of a histogram, by these labels."""
    labels = f"{by}, le" if by else "le"
    inner = total(labels, rate(f"{metric}_bucket", *matchers))
    return f"histogram_quantile({share}, {inner})"


def loss(by: str) -> str:
    """Return the share of probes that were promised an answer and had none."""
    lost = total(by, rate("probe_packets_lost_total", NETWORK, FAMILY))
    received = total(by, rate("probe_packets_received_total", NETWORK, FAMILY))
    return f"{lost} / ({lost} + {received})"


def worst(by: str, ranked: Sequence[tuple[int, str]]) -> str:
    """Return for each combination of labels the highest rank that applies.

    Args:
        by: labels that remain.
        ranked: a rank, and the series that exist or are above 0 where it applies.
    """
    parts = [f"{rank} * (({inner}) > bool 0)" for rank, inner in ranked]
    return f"max by ({by}) ({' or '.join(parts)})"
