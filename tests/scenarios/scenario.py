"""The scenarios as data: what is set up, what is tampered with, who reaches whom.

Each file of `data/` holds a group. A scenario stands there once for all engines:

    [[scenario]]
    id = "flush-isolation"
    shows = "The isolation chain was flushed: isolation is gone before 28."
    docker = '''
    network create n1
    run --name aa --network n1
    run --name bb
    '''
    tamper = '''
    host: iptables -F DOCKER-ISOLATION-STAGE-1
    '''
    pairs = '''
    aa -> bb@bridge     isolated  reachable reachable unreachable
    host -> aa@n1       reachable reachable
    '''

A line of `docker` is one for the docker command line; `run` is completed by `-d`, the
image and its command, and `! ` before it says that the engine refuses it. A line of
`before`, `tamper` and `undo` names a namespace: the host's or a container's.

A line of `pairs` names sources, destinations, a network and the family (`/6`; IPv4
without), then what Docker promises, then what is seen: once, or for engines before 26,
before 28 and later ones, `-` where the line says nothing. `gw` is the source's own
gateway; `aa asks bb@n1` is a name. `absent` says that there is no such pair.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
ABSENT = "absent"
"""In place of a promise: there is no such pair."""
GATEWAY = "gw"
HOST = "host"
_ARROWS = {"->": "container", "asks": "name"}
_ERAS = ((26, 0), (28, 0))
"""Engines from which the second and the third column of what is seen count."""

Release = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A pair with what is promised and what is seen, on one engine."""

    pair: str
    """As `pair_key` writes it."""
    expected: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of `pairs`: pairs that fare alike."""

    pairs: tuple[str, ...]
    expected: str
    observed: tuple[str, ...]
    """By era; one for all."""

    def on(self, release: Release) -> Iterator[Seen]:
        """Yield its pairs on an engine."""
        era = sum(release >= first for first in _ERAS) if len(self.observed) > 1 else 0
        if (observed := self.observed[era]) == "-":
            return
        for pair in self.pairs:
            yield Seen(pair=pair, expected=self.expected, observed=observed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Pairs that cannot be verified in a scenario, and why."""

    pairs: tuple[str, ...]
    """Patterns of fnmatch over `pair_key`."""
    why: str
    since: Release = (0, 0)
    """The oldest engine on which that is so."""
    before: Release = (1000, 0)
    """The oldest engine on which it is no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario."""

    group: str
    id: str
    shows: str
    source: str = "measured"
    """Where what is promised and seen comes from."""
    since: Release = (0, 0)
    """The oldest engine that can do it."""
    before: Release = (1000, 0)
    """The oldest engine that can no longer."""
    needs: str = ""
    """Kind of link that the kernel must know."""
    flags: tuple[str, ...] = ()
    """Of dockerd."""
    environment: tuple[tuple[str, str], ...] = ()
    """Of dockerd."""
    prepare: tuple[tuple[str, str], ...] = ()
    """Namespace and command, before anything else."""
    docker: tuple[str, ...] = ()
    tamper: tuple[tuple[str, str], ...] = ()
    undo: tuple[tuple[str, str], ...] = ()
    """What takes back that which neither the firewall's rules hold nor a container."""
    lines: tuple[Line, ...] = ()
    unverified: tuple[Doubt, ...] = ()
    cause: str = ""
    """Id of the true cause of what it breaks; empty where nothing is broken."""

    @property
    def engine(self) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """What an engine must be started with to play it."""
        return self.flags, self.environment

    def can_play_on(self, release: Release) -> bool:
        """Return whether an engine knows the commands."""
        return self.since <= release < self.before

    def on(self, release: Release) -> Mapping[str, Seen]:
        """Return what is to be found on an engine, by pair."""
        return {seen.pair: seen for line in self.lines for seen in line.on(release)}

    def doubts_on(self, release: Release) -> Sequence[Doubt]:
        """Return what cannot be verified on an engine."""
        return [d for d in self.unverified if d.since <= release < d.before]


def pair_key(
    scope: str, source: str, destination: str, network: str, ip_version: int
) -> str:
    """Return a pair in a word: `container aa bb@n1/4`."""
    return f"{scope} {source} {destination}@{network}/{ip_version}"


@cache
def all_scenarios() -> tuple[Scenario, ...]:
    """Return every scenario, group by group.

    Raises:
        ValueError: a file is not well formed; it says where.
    """
    return tuple(one for file in sorted(DATA.glob("*.toml")) for one in read(file))


def read(file: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file.

    Raises:
        ValueError: it is not well formed; it says where.
    """
    for entry in tomllib.loads(file.read_text())["scenario"]:
        try:
            yield _scenario(file.stem, dict(entry))
        except (KeyError, TypeError, ValueError) as error:
            message = f"{file.name}, {entry.get('id')}: {error}"
            raise ValueError(message) from error


def _scenario(group: str, entry: dict[str, Any]) -> Scenario:
    return Scenario(
        group=group,
        prepare=_commands(entry.pop("prepare", "")),
        docker=tuple(_lines(entry.pop("docker"))),
        tamper=_commands(entry.pop("tamper", "")),
        undo=_commands(entry.pop("undo", "")),
        lines=tuple(map(_line, _lines(entry.pop("pairs", "")))),
        unverified=tuple(_doubt(one) for one in entry.pop("unverified", ())),
        flags=tuple(entry.pop("flags", ())),
        environment=tuple(entry.pop("environment", {}).items()),
        since=_release(entry.pop("since", "0")),
        before=_release(entry.pop("before", "1000")),
        **entry,
    )


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _commands(text: str) -> tuple[tuple[str, str], ...]:
    parts = [line.partition(": ") for line in _lines(text)]
    if bad := [place for place, colon, command in parts if not (colon and command)]:
        raise ValueError(f"no namespace before the command: {bad[0]}")
    return tuple((place, command) for place, _, command in parts)


def _line(text: str) -> Line:
    sources, arrow, where, expected, *observed = text.split()
    destinations, _, rest = where.partition("@")
    network, _, family = rest.partition("/")
    allowed = {0 if expected == ABSENT else 1, 1 + len(_ERAS)}
    if not network or len(observed) not in allowed:
        raise ValueError(f"not a line of pairs: {text}")
    return Line(
        pairs=tuple(
            pair_key(
                _scope(arrow, source, destination),
                source,
                "gateway" if destination == GATEWAY else destination,
                network,
                int(family or 4),
            )
            for source in sources.split(",")
            for destination in destinations.split(",")
        ),
        expected=expected,
        observed=tuple(observed) or (ABSENT,),
    )


def _scope(arrow: str, source: str, destination: str) -> str:
    if destination == GATEWAY:
        return "gateway"
    return HOST if source == HOST else _ARROWS[arrow]


def _doubt(entry: Mapping[str, Any]) -> Doubt:
    return Doubt(
        pairs=tuple(_lines(entry["pairs"])),
        why=entry["why"],
        since=_release(entry.get("since", "0")),
        before=_release(entry.get("before", "1000")),
    )


def _release(text: str) -> Release:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
