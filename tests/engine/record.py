"""Records what the lab's engines answer about the scene, for the parse tests.

    python -m tests.engine.record FOLDER [SUITE]...

writes FOLDER/VERSION.json for each, and FOLDER/swarm-VERSION.json of its overlays as a
swarm of its own: the answers of `/version`, `/info`, `/networks`,
`/containers/json`, every container's own, and the events of a container's life. One
answer a line, so that two versions can be compared. They are kept as they came, but
for what `/info` says of image registries.
"""

import json
import sys
import time
from pathlib import Path

from tests.engine.scene import Scene
from tests.lab.engine import HOST_IPV4, Engine
from tests.lab.suites import SUITES

_REGISTRIES = ("RegistryConfig", "IndexServerAddress")


def record(base_url: str) -> dict[str, object]:
    """Build the scene on an engine, return its answers, take the scene away."""
    with Scene(base_url) as scene:
        api = scene.docker.api
        scene.build()
        scene.wait_until_settled()
        info = api.info()
        for key in _REGISTRIES:
            info.pop(key, None)
        listed = api.containers(all=True)
        answers: dict[str, object] = {
            "version": api.version(),
            "info": info,
            "networks": api.networks(),
            "containers": listed,
            "inspect": {c["Id"]: api.inspect_container(c["Id"]) for c in listed},
        }
        began = int(time.time())  # noqa: TID251 - the engine's idea of now
        scene.live()
        ended = int(time.time()) + 1  # noqa: TID251 - as above
        events = api.events(since=began, until=ended, decode=True)
        answers["events"] = [
            event for event in events if event["time"] >= began and _of_life(event)
        ]
    return answers


def record_swarm(base_url: str) -> dict[str, object]:
    """Make the engine a swarm, return its answers about overlays, and leave it."""
    with Scene(base_url) as scene:
        api = scene.docker.api
        api.init_swarm(advertise_addr=HOST_IPV4)
        try:
            scene.swarm()
            listed = api.containers(all=True)
            answers: dict[str, object] = {
                "version": api.version(),
                "info": {"Swarm": {"LocalNodeState": "active"}},
                "networks": api.networks(),
                "containers": listed,
                "inspect": {c["Id"]: api.inspect_container(c["Id"]) for c in listed},
            }
            way_out = api.inspect_network("docker_gwbridge")
            answers["inspect_networks"] = {way_out["Id"]: way_out}
        finally:
            api.leave_swarm(force=True)
    return answers


def _of_life(event: dict[str, dict[str, dict[str, str]]]) -> bool:
    """Return whether an event is of `Scene.life`; a crash loop goes on beside it."""
    return event["Actor"]["Attributes"].get("name") != "again"


def as_lines(answers: dict[str, object]) -> str:
    """Return the answers as JSON with one object a line."""
    entries = []
    for name, answer in answers.items():
        if isinstance(answer, list):
            text = "[\n" + ",\n".join(map(json.dumps, answer)) + "\n]"
        elif name.startswith("inspect") and isinstance(answer, dict):
            pairs = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in answer.items())
            text = "{\n" + ",\n".join(pairs) + "\n}"
        else:
            text = json.dumps(answer)
        entries.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def main() -> None:
    """Record the suites named on the command line, all of them if none is."""
    folder, *chosen = sys.argv[1:]
    for suite in SUITES:
        if chosen and suite.name not in chosen:
            continue
        with Engine.start(suite) as engine:
            answers = record(engine.base_url)
            Path(folder, f"{engine.version}.json").write_text(as_lines(answers))
            answers = record_swarm(engine.base_url)
            Path(folder, f"swarm-{engine.version}.json").write_text(as_lines(answers))


if __name__ == "__main__":
    main()
