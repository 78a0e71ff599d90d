"""The documentation of what is expected, made from the rules.

`python -m exporter.report.rules_page` prints docs/expectations.md; a test compares the
two.
"""

import sys

from exporter.model.expectation import RULES, RULES_BY_SCOPE
from exporter.model.outcome import Scope
from exporter.model.rules import Evidence, Rule

_MOBY = "https://github.com/moby/moby/blob/master/"

_HEAD = """\
# What Docker promises

<!-- Generated: python -m exporter.report.rules_page > docs/expectations.md -->

`expected` is Docker's promise, not a forecast. Isolation is promised for both address \
families on every engine and whatever flags the daemon has: an engine that leaks IPv6 \
(before 27), or that runs with `--iptables=false`, breaks it. Where the underlay, a \
third party or the user decides, `expected` is `unknown`, and nothing is judged.

For each pair the rules of its scope are tried in this order; **the first that fits \
decides**. Its id is in the JSON as `expected_by`.

Two containers that share a network namespace (`--network container:X`) are one \
sandbox, containers on the host's network are the host, and neither these nor what has \
no address (stopped, `--network none`; as a source also IPv6 switched off by \
`net.ipv6.conf.all.disable_ipv6`) makes a pair. Paused containers answer: the \
kernel does it. A container whose owner was started again sits in the old, empty \
namespace and makes no pair either.
"""

_ROUTES = """
## Which way a source sends

1. Over the network with the smallest subnet of the source's own that holds the address.
2. On an overlay, to that network's other subnets through its gateway.
3. By default: over the network with the highest `GwPriority`; then any before \
`docker_gwbridge`, non-internal before internal, both families before one, and the \
name that sorts first. Until engine 27 the first with an IPv4 gateway serves both \
families; 28 prefers the first that has both, whatever the priorities; from 29 each \
family has its own. A network without `Gateway` in the container's answer gives none: \
internal ones from 26.1, `gateway_mode=isolated`, overlay. A layer 3 ipvlan with a \
parent gives one without.

A container on an overlay and on nothing with a gateway has an endpoint on \
`docker_gwbridge` too, which only that network's own answer names: its way out, where \
`enable_icc=false` holds and names do not exist.

Options are read as the engine understands them: before 27 it accepts `gateway_mode_*` \
and an endpoint's sysctls and does nothing. Masquerading, published ports, \
`trusted_host_interfaces`, `userns-remap`, `--icc` of the daemon (it is option \
`enable_icc` of network `bridge`) and `--link` open or close no ping of their own.
"""

_SCOPES = {
    Scope.CONTAINER: "From container to container",
    Scope.HOST: "From the host to a container",
    Scope.GATEWAY: "From a container to its own gateway",
    Scope.NAME: "Names",
}


def rules_page() -> str:
    """Return docs/expectations.md."""
    parts = [_HEAD]
    for scope, title in _SCOPES.items():
        parts.append(f"\n## {title}\n\n| rule | expected | sentence |\n")
        parts.append("| --- | --- | --- |\n")
        parts.extend(
            f"| [`{rule.id}`](#{rule.id}) | {rule.expected} | {rule.sentence} |\n"
            for rule in RULES_BY_SCOPE[scope]
        )
    parts.append(_ROUTES)
    parts.append("\n## The rules, one by one\n")
    parts.extend(map(_section, RULES.values()))
    return "".join(parts)


def _section(rule: Rule) -> str:
    reads = ", ".join(f"`{field}`" for field in rule.reads)
    known = [*map(_link, rule.evidence)]
    if rule.scenarios:
        known.append("measured in " + ", ".join(f"`{one}`" for one in rule.scenarios))
    return (
        f"\n### {rule.id}\n\n{rule.sentence} Expected: **{rule.expected}**.\n\n"
        f"- Reads: {reads}\n- Evidence: {'; '.join(known) or 'none: no promise'}\n"
    )


def _link(evidence: Evidence) -> str:
    is_page = evidence.where.startswith("https://")
    where = evidence.where if is_page else _MOBY + evidence.where
    return f"[{evidence.what}]({where})"


def main() -> None:
    """Print the page."""
    sys.stdout.write(rules_page())


if __name__ == "__main__":
    main()
