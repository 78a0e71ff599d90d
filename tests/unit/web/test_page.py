"""Rules of the page: complete without scripts, safe with any name, never rosy."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from ipaddress import ip_network

import pytest

from exporter.model.outcome import Observation, Result, Scope, Verdict
from exporter.model.snapshot import Snapshot
from exporter.model.topology import NetworkId, Subnet, Topology
from exporter.report.api.ids import pair_id
from exporter.web.breaches import PAIRS_MAX, breaches_of
from tests.fakes.pages import NOW, good, snapshot, state, topology
from tests.fakes.web import Given, fetched

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}\u202e\x1b\n"


class Reader(HTMLParser):
    """Collects elements and text."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """Return the text with single spaces."""
        return " ".join(" ".join(self.words).split())


def page(found: Snapshot) -> tuple[str, Reader]:
    """Return the page's source, and what is in it."""
    response = fetched(Given(snapshot=found).app(), "/")
    assert 200 == response.status_code
    reader = Reader()
    reader.feed(response.text)
    reader.close()
    return response.text, reader


def test_everything_fine() -> None:
    """The page says who it is, what it looks at and that all is well."""
    _, read = page(good())

    assert "dockernet-exporter 1.2.3" in read.text
    assert "Docker 28.5.2, API 1.51, at unix:///run/docker.sock" in read.text
    assert "Isolation intact: 24 promises hold." in read.text
    assert (
        "The newest look began 7 seconds ago, at 2026-01-01 12:00:00 UTC. Cycle 42 took"
    ) in read.text
    assert "2 networks, 2 running containers, 24 pairs; coverage 100 %" in read.text
    assert "Isolation, in pairs: 24 kept apart." in read.text
    assert "24 as promised" in read.text
    assert "Broken promises" not in read.text
    assert "Not verified" not in read.text


def test_broken_promises() -> None:
    """Each violation says who, whom, on which networks, since when, and why."""
    leak = state(Verdict.UNEXPECTED_REACHABLE, since=NOW - timedelta(hours=2))
    _, read = page(snapshot([state(Verdict.AS_EXPECTED), leak]))

    assert "Isolation is broken for 1 pair." in read.text
    assert "1 isolation broken" in read.text
    assert (
        "Isolation broken: 1 pair reaches what it must not Since 2 hours ago, "
        "2026-01-01 10:00:07 UTC Promised Containers on different bridge networks do "
        "not reach each other. Between left → right 1 "
        "one reaches two left → right 172.19.0.2 answered in 74 µs"
    ) in read.text
    assert (
        "time",
        {
            "class": "age",
            "datetime": "2026-01-01T10:00:07Z",
            "title": "2026-01-01 10:00:07 UTC",
        },
    ) in read.elements


@pytest.mark.parametrize(
    ("verdict", "scope", "expected"),
    [
        (Verdict.UNEXPECTED_UNREACHABLE, Scope.CONTAINER, "one does not reach two"),
        (Verdict.UNEXPECTED_UNREACHABLE, Scope.NAME, "one does not resolve two"),
        (Verdict.UNEXPECTED_REACHABLE, Scope.NAME, "one resolves two"),
    ],
)
def test_faults_in_words(verdict: Verdict, scope: Scope, expected: str) -> None:
    """A fault reads as a sentence."""
    assert expected in page(snapshot([state(verdict, scope=scope)]))[1].text


def test_unverified_pairs_are_named() -> None:
    """Doubt is shown with its reasons, the most frequent first."""
    rare = state(Verdict.UNVERIFIED, reason="the source does not answer itself")
    frequent = state(Verdict.UNVERIFIED, reason="too old")
    _, read = page(snapshot([rare, frequent, frequent]))

    assert "3 of 3 promises could not be verified; none was." in read.text
    assert "2 pairs too old one → two 1 pair the source does not answer" in read.text


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(Snapshot(taken=NOW), id="no engine yet"),
        pytest.param(replace(good(), engine_up=False), id="engine down"),
        pytest.param(replace(good(), cycle=None), id="no cycle yet"),
        pytest.param(snapshot([state(Verdict.UNVERIFIED)]), id="unverified"),
        pytest.param(
            snapshot([state(Verdict.AS_EXPECTED), state(Verdict.UNVERIFIED)]),
            id="one of two unverified",
        ),
        pytest.param(
            replace(
                good(),
                taken=NOW,
                cycle=replace(
                    good().cycle or pytest.fail("no cycle"),
                    started=NOW - timedelta(hours=1),
                ),
            ),
            id="old",
        ),
    ],
)
def test_what_is_not_verified_never_looks_fine(found: Snapshot) -> None:
    """Neither the colour nor the words of the headline are those of success."""
    source, read = page(found)
    headlines = [
        element["class"]
        for tag, element in read.elements
        if tag == "section" and "headline" in (element.get("class") or "")
    ]

    assert ["headline doubt"] == headlines
    assert "intact" not in source
    assert "fine" not in source


def test_a_hostile_name_is_text() -> None:
    """Names from labels end up as text: no element, no template, no direction."""
    found = topology(HOSTILE, HOSTILE, HOSTILE)
    engine = replace(found.engine, version=HOSTILE, address=HOSTILE)
    states = [
        state(Verdict.UNEXPECTED_REACHABLE, rule=HOSTILE),
        state(Verdict.UNVERIFIED, reason=HOSTILE),
    ]
    full = replace(snapshot(states, replace_engine(found, engine)), notices=(HOSTILE,))

    source, read = page(full)

    scripts = [attributes for tag, attributes in read.elements if tag == "script"]
    assert [{"type": "module", "src": "static/main.js"}] == scripts
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert "{{7*7}}" in source
    assert "\u202e" not in source
    assert "\x1b" not in source
    assert r"\u202e\x1b\n" in source


def test_needs_nothing_but_itself() -> None:
    """Nothing inline, nothing from elsewhere: the policy would stop it."""
    broken = snapshot([state(verdict) for verdict in Verdict])
    source, read = page(replace(broken, notices=("x",), config_reload_ok=False))

    assert not {"style", "iframe", "form"} & {tag for tag, _ in read.elements}
    for tag, attributes in read.elements:
        assert tag != "script" or "src" in attributes
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action"):
            target = attributes.get(name)
            assert target is None or re.fullmatch(
                r"(static/|-/|metrics)[\w./]*|\?[\w=&%-]+", target
            )
    assert "http://" not in source
    assert "https://" not in source


def test_every_link_of_the_page_answers() -> None:
    """Style, icon, metrics and checks are where the page says."""
    app = Given(snapshot=good()).app()
    source = fetched(app, "/").text
    links = set(re.findall(r'(?:href|src)="([^"]+)"', source))

    assert {
        "static/style.css",
        "static/icon.svg",
        "static/main.js",
        "metrics",
        "-/healthy",
        "-/ready",
    } <= links
    assert {200} == {fetched(app, f"/{link}").status_code for link in links}


def test_style_has_both_appearances() -> None:
    """Light and dark come from the system's setting; every tone has its class."""
    style = fetched(Given().app(), "/static/style.css")

    assert "text/css; charset=utf-8" == style.headers["content-type"]
    assert "prefers-color-scheme: dark" in style.text
    assert "url(" not in style.text
    for tone in ("good", "bad", "doubt", "idle"):
        assert f".headline.{tone} {{" in style.text


def test_networks_and_their_addresses() -> None:
    """Each network shows its members and how full its subnets are."""
    _, read = page(good())

    assert "right bridge 1 172.19.0.0/29 4 of 8" in read.text
    assert "2 subnets in all." in read.text
    meters = [element["value"] for tag, element in read.elements if tag == "meter"]
    assert "0.5000" in meters


def test_networks_of_every_kind() -> None:
    """IPv6 has no share, a swarm's subnets no number, `none` no row."""
    found = topology()
    right = replace(
        found.networks[1],
        ipv6=True,
        subnets=(*found.networks[1].subnets, Subnet(prefix=ip_network("fd00::/64"))),
    )
    swarm = replace(right, id=NetworkId("n-swarm"), name="swarm", scope="swarm")
    nothing = replace(
        right, id=NetworkId("n-none"), name="bare", driver="null", subnets=()
    )
    host = replace(nothing, name="shared", driver="host", subnets=())
    _, read = page(
        snapshot(found=replace(found, networks=(right, swarm, nothing, host)))
    )

    assert "172.19.0.0/29 fd00::/64 4 of 8, 4 left 2 used" in read.text
    assert "not known here not known here" in read.text
    assert "shared host 0 \u2013" in read.text
    assert "bare" not in read.text
    assert "swarm ✗ overlaps network right bridge" in read.text


def test_notices() -> None:
    """What does not work here is said, our own configuration included."""
    found = replace(
        good(),
        notices=("CAP_SYS_PTRACE is missing",),
        config_reload_ok=False,
        stream_connected=False,
        paused="probing is paused: /run/x exists",
    )
    _, read = page(found)

    assert "CAP_SYS_PTRACE is missing" in read.text
    assert "probing is paused: /run/x exists" in read.text
    assert "The newest configuration could not be loaded" in read.text
    assert "event stream is not open" in read.text


def test_rows_are_bounded() -> None:
    """Ten thousand violations make a page that still opens, and says what it omits."""
    many = [state(Verdict.UNEXPECTED_REACHABLE)] * 10_000
    (breach,) = breaches_of(snapshot(many), NOW, pair_id)

    assert PAIRS_MAX == len(breach.shown) + len(breach.more)
    assert 10_000 - PAIRS_MAX == breach.left_out
    assert "54 more" in page(snapshot(many))[1].text
    assert "… and 9,940 more. All 10,000" in page(snapshot(many))[1].text


def test_what_was_seen() -> None:
    """A name's answer shows the addresses that came back."""
    wrong = replace(
        state(Verdict.UNEXPECTED_UNREACHABLE, scope=Scope.NAME),
        observation=Observation(
            result=Result.WRONG_ANSWER, sent=1, received=1, resolved=("192.0.2.1",)
        ),
    )

    assert "192.0.2.1" in page(snapshot([wrong]))[1].text


def replace_engine(found: Topology, engine: object) -> Topology:
    """Return a topology with another engine."""
    return Topology(
        engine=engine,  # type: ignore[arg-type]  # an EngineInfo
        networks=found.networks,
        containers=found.containers,
        sandboxes=found.sandboxes,
        host=found.host,
    )
