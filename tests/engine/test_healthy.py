"""A healthy host with every ordinary kind of container: nothing is left in doubt.

Which pairs reach each other is written down here once more, by network and not by
rules, and compared with what was seen.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.lab.engine import LAN_IPV4, Engine
from tests.lab.exporter import Pair, Ran, run_exporter
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import (
    ContainerSpec,
    NetworkSpec,
    Pool,
    Running,
    Topology,
)

NEW = (28, 0)
"""From here on IPv6 is isolated, and networks may be IPv6-only, isolated or routed."""
COMPOSE = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.oneoff": "False",
}
NO_IPV6 = {"sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"}}
NO_ECHO = {"sysctls": {"net.ipv4.icmp_echo_ignore_all": "1"}}


def bridge(
    name: str, *subnets: str, internal: bool = False, **options: str
) -> NetworkSpec:
    """Return a bridge network; options are the driver's, without their prefix."""
    return NetworkSpec(
        name=name,
        subnets=subnets,
        ipv6=len(subnets) > 1,
        internal=internal,
        options={f"com.docker.network.bridge.{key}": options[key] for key in options},
    )


def container(name: str, *networks: str, **options: object) -> ContainerSpec:
    """Return a container on some networks, on the default bridge without any."""
    return ContainerSpec(name=name, networks=networks, options=options)


ORDINARY = Topology(
    networks=(
        bridge("four", "10.30.1.0/24"),
        bridge("dual", "10.30.2.0/24", "fd00:30:2::/64"),
        bridge("twin", "10.30.3.0/24", "fd00:30:3::/64"),
        bridge("shy", "10.30.4.0/24", internal=True, enable_icc="false"),
        bridge("vault", "10.30.5.0/24", "fd00:30:5::/64", internal=True),
        bridge("bare", "10.30.6.0/24", inhibit_ipv4="true"),
        NetworkSpec(
            name="lan",
            driver="macvlan",
            options={"parent": "eth0"},
            subnets=(
                Pool(
                    subnet="198.51.100.0/24",
                    gateway=LAN_IPV4,
                    ip_range="198.51.100.128/26",
                ),
            ),
        ),
    ),
    containers=(
        ContainerSpec(name="lonely", mode="none"),
        ContainerSpec(name="imhost", mode="host"),
        container("plain"),
        container("paused"),
        container("four1", "four"),
        ContainerSpec(name="joiner", mode="container:four1"),
        ContainerSpec(name="shop_web_1", networks=("four",), labels=COMPOSE),
        container("deaf", "four", **NO_ECHO),
        container("both", "four", "dual", "shy"),
        container("dual1", "dual"),
        container("v4only", "dual", **NO_IPV6),
        container("twin1", "twin"),
        container("twin2", "twin"),
        container("shy1", "shy"),
        container("shy2", "shy"),
        container("vault1", "vault"),
        container("bare1", "bare"),
        container("bare2", "bare"),
        container("mac1", "lan"),
        container("mac2", "lan"),
        container("unplugged", "four"),
        container("stopped", "four"),
    ),
)
"""What every engine can make."""
NEWER = Topology(
    networks=(
        bridge("iso", "10.30.7.0/24", internal=True, gateway_mode_ipv4="isolated"),
        bridge("open", "10.30.8.0/24", gateway_mode_ipv4="routed"),
    ),
    containers=(
        container("iso1", "iso"),
        container("iso2", "iso"),
        container("open1", "open"),
        container("six1", "six"),
        container("six2", "six"),
    ),
)
"""What only newer ones can."""

MEET: Mapping[int, Mapping[str, set[str]]] = {
    4: {
        "bridge": {"plain", "paused"},
        "four": {"four1", "shop-web-1", "deaf", "both"},
        "dual": {"both", "dual1", "v4only"},
        "twin": {"twin1", "twin2"},
        "bare": {"bare1", "bare2"},
        "lan": {"mac1", "mac2"},
        "iso": {"iso1", "iso2"},
    },
    6: {
        "dual": {"both", "dual1"},
        "twin": {"twin1", "twin2"},
        "six": {"six1", "six2"},
    },
}
"""Who meets whom on which network, by family."""
LED_OUT = {"bridge", "four", "dual", "twin"}
"""Networks whose containers reach those of a routed network."""
WITH_IPV6 = {
    "both": "dual",
    "dual1": "dual",
    "twin1": "twin",
    "twin2": "twin",
    "vault1": "vault",
}
"""The network of each container with a working IPv6 address, on every engine."""
NEWER_ONLY = {"iso1", "iso2", "open1", "six1", "six2"}


@pytest.fixture(scope="module")
def host(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """A host with everything that its engine can make, once for this module."""
    engine = engine_pool.shared(engine_suite)
    running = Running(engine)
    try:
        running.start(ORDINARY)
        if engine.release >= NEW:
            add_network_without_ipv4(engine, "six", "fd00:30:9::/64")
            running.start(NEWER)
        engine.docker.networks.get("four").disconnect("unplugged")
        running.container("stopped").stop()
        running.container("paused").pause()
        yield running
    finally:
        engine_pool.close()  # quicker than to remove so many one by one


@pytest.fixture(scope="module")
def ran(host: Running) -> Ran:
    """What `check --json` says of it."""
    return run_exporter("check", "--json", engine=host.engine.base_url)


def add_network_without_ipv4(engine: Engine, name: str, subnet: str) -> None:
    """Ask for what the SDK does not know of."""
    api = engine.docker.api
    answer = api.post(
        f"{api.base_url}/v{engine.docker.version()['ApiVersion']}/networks/create",
        json={
            "Name": name,
            "EnableIPv4": False,
            "EnableIPv6": True,
            "IPAM": {"Config": [{"Subnet": subnet}]},
        },
    )
    answer.raise_for_status()


def way(pair: Pair) -> str:
    """Return what a pair is called here: `one two@network/4`."""
    where = f"{pair['destination_network']}/{pair['ip_version']}"
    return f"{pair['source']} {pair['destination']}@{where}"


def expected_ways(engine: Engine) -> set[str]:
    """Return which containers reach which address of which others, by promise."""
    ways = {
        f"{source} {destination}@{network}/{version}"
        for version, networks in MEET.items()
        for network, members in networks.items()
        for source in members
        for destination in members - {source, "deaf"}
    }
    ways |= {
        f"{source} open1@open/4" for network in LED_OUT for source in MEET[4][network]
    }
    if engine.release >= NEW:
        return ways
    return {way for way in ways if not NEWER_ONLY & set(way.partition("@")[0].split())}


def expected_leaks(engine: Engine) -> set[str]:
    """Return which IPv6 packets get through that must not, by engine.

    Before 27 no bridge is isolated by default, before 26 not even an internal one.
    """
    if engine.release >= NEW:
        return set()
    leaking = {
        name: network
        for name, network in WITH_IPV6.items()
        if network != "vault" or engine.release < (26, 0)
    }
    return {
        f"{source} {destination}@{network}/6"
        for source in leaking
        for destination, network in leaking.items()
        if network != leaking[source]
    }


def test_nothing_is_in_doubt(ran: Ran, host: Running) -> None:
    """No pair unverified, none left out, none broken but those of a leaking engine."""
    leaks = expected_leaks(host.engine)
    found = {*ran.summary} - {"as_expected", "not_judged"}

    assert ({"unexpected_reachable"} if leaks else set()) == found
    assert (1 if leaks else 0) == ran.status
    # Of containers that young it is all that there is to say.
    assert re.fullmatch(r"(waiting 10 s: .* has just started .*\n)?", ran.err)
    assert [] == ran.document["notices"]


def test_who_reaches_whom(ran: Ran, host: Running) -> None:
    """Exactly those that meet on a network that lets them, and what leaks."""
    reached = {
        way(pair)
        for pair in ran.pairs
        if (pair["scope"], pair["observed"]) == ("container", "reachable")
    }

    assert expected_ways(host.engine) | expected_leaks(host.engine) == reached


def test_what_leaks_is_named(ran: Ran, host: Running) -> None:
    """Every leak is a violation, and nothing else is."""
    assert expected_leaks(host.engine) == {
        way(pair) for pair in ran.pairs if pair["verdict"] == "unexpected_reachable"
    }


def test_where_nothing_is_promised(ran: Ran, host: Running) -> None:
    """Nobody is judged by what the underlay decides, or by what he was told to do."""
    free = {"lan", "bare"}

    assert all(
        free & {pair["source_network"], pair["destination_network"]}
        or {"deaf", "v4only"} & {pair["source"], pair["destination"]}
        for pair in ran.pairs
        if pair["verdict"] == "not_judged"
    )


def test_who_has_pairs(ran: Ran, host: Running) -> None:
    """One for each network stack with an address, by the name that stays."""
    without = {"lonely", "imhost", "joiner", "unplugged", "stopped"}
    specs = [*ORDINARY.containers, *NEWER.containers]
    names = {spec.name.replace("shop_web_1", "shop-web-1") for spec in specs} - without
    if host.engine.release < NEW:
        names -= NEWER_ONLY

    assert names == {p["source"] for p in ran.pairs if p["scope"] == "container"}
    assert names == {p["destination"] for p in ran.pairs if p["scope"] == "host"}


def test_the_host_reaches_what_it_should(ran: Ran) -> None:
    """Every container on a bridge with an address of the host's."""
    unreached = {"bare1", "bare2", "iso1", "iso2", "mac1", "mac2", "deaf"}
    hosts = [pair for pair in ran.pairs if pair["scope"] == "host"]

    assert set() == unreached & {
        pair["destination"] for pair in hosts if pair["observed"] == "reachable"
    }
    assert {"v4only"} >= {
        pair["destination"]
        for pair in hosts
        if pair["observed"] != "reachable" and pair["destination"] not in unreached
    }
