"""Restarts, deploys and re-attachments under a running daemon: no false alarm.

Nothing that Docker does on request breaks a promise, so not one scrape and not one line
of the log may say so, however fast the daemon looks.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.engine import Engine
from tests.lab.service import Service, serving

FEW, MANY = 10, 100
"""Turns of `make test` and of `make soak`."""
_ALARM = re.compile(r"\bunexpected_\w+=[1-9]|\bverdict=unexpected_")
_IMAGE = "static:latest /sleep 2147483647"
_SETUP = f"""
docker network create front
docker network create back
for name in web-1 web-2 web-3 web-4; do
    docker run -d --name $name --network front --stop-signal KILL {_IMAGE}
done
for name in db-1 db-2; do
    docker run -d --name $name --network back --stop-signal KILL {_IMAGE}
done
docker network connect back web-1
docker run -d --name lone --stop-signal KILL {_IMAGE}
"""
_SCALE = f"""
docker rm -f web-3 web-4
docker run -d --name web-3 --network front {_IMAGE}
docker run -d --name web-4 --network front {_IMAGE}
"""
_TURNS = (
    "docker restart {web}",
    "docker stop {web}; docker start {web}",
    "docker network disconnect front {web}; docker network connect front {web}",
    "docker network connect back {web}; docker network disconnect back {web}",
    f"docker rm -f {{web}}; docker run -d --name {{web}} --network front {_IMAGE}",
    "docker pause {web}; docker unpause {web}",
    _SCALE,
    "docker restart db-1 lone",
    "docker kill db-2; docker start db-2",
    "docker network disconnect -f back db-1; docker network connect back db-1",
)
"""What is done to a container; those of the front in turn."""
_WEBS = ("web-2", "web-3", "web-4")


def turns(count: int) -> Iterator[str]:
    """Yield so many turns, each kind for one container after the other."""
    for number in range(count):
        web = _WEBS[number // len(_TURNS) % len(_WEBS)]
        yield _TURNS[number % len(_TURNS)].format(web=web)


@contextmanager
def watched(service: Service) -> Iterator[list[str]]:
    """Scrape all the time; the list holds what was broken in a scrape."""
    found: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            found.extend(
                str(sorted(labels))
                for labels, value in service.samples(
                    "dockernet_pair_violations"
                ).items()
                if value
            )

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def rolled(engine: Engine, count: int, grace: str) -> tuple[list[str], list[str]]:
    """Return what scrapes and log said to be broken in so many turns."""

    def shell(text: str) -> None:
        engine.run_beside(["sh", "-euc", text])

    shell(_SETUP)
    environment = {"DOCKERNET_PROBE_GRACE_PERIOD": grace}
    with serving(engine, interval="1s", environment=environment) as service:
        service.wait_for_cycle()
        with watched(service) as scraped:
            for number, turn in enumerate(turns(count)):
                shell(turn)
                if number % 3 == 2:  # so that not every end is always a new one
                    service.wait_for_cycle()
            service.wait_for_cycle()
            service.wait_for_cycle(unverified=0)
        return scraped, [line for line in service.log if _ALARM.search(line)]


@pytest.mark.suites("forky")
def test_a_few_turns(engine: Engine) -> None:
    """One of each kind, under a grace period that helps nobody."""
    assert ([], []) == rolled(engine, FEW, "1s")


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.every_engine
@pytest.mark.parametrize("grace", ["1s", "10s"])
def test_many_turns(engine: Engine, grace: str) -> None:
    """A hundred."""
    assert ([], []) == rolled(engine, MANY, grace)
