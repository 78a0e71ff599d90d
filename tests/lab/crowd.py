"""Many containers on an engine, as fast as it makes them.

    crowd = gather(engine, containers=200, networks=8)
    crowd.names[0]                      # c000, on net00

Containers are dealt to the networks in turn. Nothing is removed here: they go with
the engine, all at once.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.lab.engine import Engine
from tests.lab.topology import BB

_AT_ONCE = 4
_POOL = 30
"""User networks for which an engine's own pools have a subnet."""
_COMMAND = ("sleep", "2147483647")


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was made."""

    engine: Engine
    names: tuple[str, ...]
    networks: tuple[str, ...]

    def add(self, name: str, network: str) -> None:
        """Start one more container."""
        _start(self.engine, name, network)

    def remove(self, name: str) -> None:
        """Kill and remove a container."""
        self.engine.docker.api.remove_container(name, force=True)


def gather(engine: Engine, *, containers: int, networks: int) -> Crowd:
    """Make networks, and containers on them.

    Args:
        engine: on which nothing else runs.
        containers: in all.
        networks: bridge networks of the engine's own choice of subnets; its pools hold
            thirty. With one more than that the last is the default bridge.
    """
    named = [f"net{number:02}" for number in range(networks)]
    if networks > _POOL:
        named[-1] = "bridge"
    for name in named:
        if name != "bridge":
            engine.docker.api.create_network(name, driver="bridge")
    names = [f"c{number:03}" for number in range(containers)]
    places = [named[number % networks] for number in range(containers)]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda n, p: _start(engine, n, p), names, places))
    return Crowd(engine=engine, names=tuple(names), networks=tuple(named))


def _start(engine: Engine, name: str, network: str) -> None:
    api = engine.docker.api
    made = api.create_container(
        BB,
        command=list(_COMMAND),
        name=name,
        host_config=api.create_host_config(network_mode=network),
        stop_signal="SIGKILL",
    )
    api.start(made["Id"])
