"""docs/scenarios.md, made from the data: `python -m tests.scenarios.page`."""

from itertools import groupby

from tests.scenarios.scenario import Release, Scenario, all_scenarios

_HEAD = """\
# The scenarios

<!-- Generated: python -m tests.scenarios.page > docs/scenarios.md -->

Each of them is set up on a private engine by the docker command line, tampered with
where it says so, and looked at by `check --json`. What is promised and what is seen is
compared pair by pair with the data in `tests/scenarios/data`, and the verdict with the
table in [verdicts.md](verdicts.md). Every pair that breaks a promise stands in the
data; all others are as expected. The newest engine plays all of them, the older ones a
third in `make test` and all in `make test-all`.

*measured*: who reaches whom was measured on engines 20.10, 26.1 and 28.5 before this
program existed. *moby*: the engine's own test asserts it. *ours*: written for what
those lack. The last column names the true cause where a promise is broken.
"""

_TITLES = {
    "bridges": "Bridges",
    "containers": "Containers",
    "daemon": "Flags of the engine",
    "drivers": "Other drivers",
    "faults": "Faults: what should answer does not",
    "gateway-modes": "Gateway modes",
    "ipv6": "IPv6",
    "leaks": "Leaks: what should not answer does",
    "moby": "moby's own network tests",
    "more": "What ordinary hosts have besides",
}
_ERAS: tuple[tuple[str, Release], ...] = (
    ("20.10", (20, 10)),
    ("26.1", (26, 1)),
    ("28.5", (28, 5)),
)
_BROKEN = {("isolated", "reachable"), ("reachable", "unreachable")}


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for group, found in groupby(all_scenarios(), key=lambda one: one.group):
        parts += [
            f"\n## {_TITLES[group]}\n",
            "| scenario | what it shows | source | pairs | breaks on | cause |",
            "| --- | --- | --- | --- | --- | --- |",
            *map(_row, found),
        ]
    return "\n".join([*parts, *_doubts()]) + "\n"


def broken_on(scenario: Scenario, release: Release) -> bool:
    """Return whether a promise is broken on an engine; what nobody verifies is not."""
    doubtful = {p for doubt in scenario.doubts_on(release) for p in doubt.pairs}
    return any(
        (seen.expected, seen.observed) in _BROKEN and seen.pair not in doubtful
        for seen in scenario.on(release).values()
    )


def _row(scenario: Scenario) -> str:
    on = [
        name
        for name, release in _ERAS
        if scenario.can_play_on(release) and broken_on(scenario, release)
    ]
    pairs = max(len(scenario.on(release)) for _, release in _ERAS)
    flags = [f"`{flag}`" for flag in scenario.flags]
    flags += [f"`{name}={value}`" for name, value in scenario.environment]
    if scenario.since > (0, 0):
        flags.append(f"from {scenario.since[0]}")
    if scenario.needs:
        flags.append(f"needs {scenario.needs}")
    shows = f"{scenario.shows} ({', '.join(flags)})" if flags else scenario.shows
    cause = f"`{scenario.cause}`" if scenario.cause else ""
    broken = "all" if len(on) == len(_ERAS) else ", ".join(on)
    return (
        f"| `{scenario.id}` | {shows} | {scenario.source} | {pairs} | {broken} "
        f"| {cause} |"
    )


def _doubts() -> list[str]:
    lines = [
        "\n## What cannot be verified\n",
        "No other pair of any scenario is `unverified`.\n",
        "| scenario | pairs | why |",
        "| --- | --- | --- |",
    ]
    for scenario in all_scenarios():
        for doubt in scenario.unverified:
            pairs = ", ".join(f"`{pair}`" for pair in doubt.pairs)
            lines.append(f"| `{scenario.id}` | {pairs} | {doubt.why} |")
    return lines


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - its output is the page
