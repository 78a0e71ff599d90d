"""An engine in memory, behind `EngineClient`: recorded answers, faults at will."""

import copy
import functools
import json
import queue
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exporter.engine.foreign import JsonObject
from exporter.errors import EngineError

RECORDINGS = Path(__file__).parents[1] / "data" / "engine"
VERSIONS = ("20.10.24", "26.1.5", "28.5.2")
"""The engines whose answers are recorded."""

Json = dict[str, object]
Raw = Any
"""Recorded JSON, for a test to look into and to alter."""


@functools.cache
def _text(version: str) -> str:
    return (RECORDINGS / f"{version}.json").read_text()


def recording(version: str) -> Raw:
    """Return the recorded answers of an engine, the caller's own copy.

    Args:
        version: one of `VERSIONS`; `swarm-VERSION` for the same engine as a swarm.
    """
    return json.loads(_text(version))


class FakeStream:
    """An event stream that says what a test puts into it."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: queue.SimpleQueue[JsonObject | EngineError | None] = (
            queue.SimpleQueue()
        )

    def emit(self, *events: JsonObject) -> None:
        """Let the engine say something."""
        for event in events:
            self._waiting.put(event)

    def end(self, error: EngineError | None = None) -> None:
        """Let the stream end, in order or by an error."""
        self._waiting.put(error)

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield what was put in."""
        while True:
            said = self._waiting.get()
            if isinstance(said, EngineError):
                raise said
            if said is None:
                return
            yield said

    def close(self) -> None:
        """End the stream from outside."""
        self.closed = True
        self._waiting.put(None)


class FakeEngine:
    """`EngineClient` over answers that a test may change at any time.

    Attributes:
        asked: every request, `container ID` for example.
        failures: error by kind of request (`containers`), or by `container ID`.
        streams: every event stream that was opened.
    """

    address = "unix:///fake/docker.sock"
    tls = False

    def __init__(self, answers: Mapping[str, object]) -> None:
        found = copy.deepcopy(dict(answers))
        self.version_answer = found.get("version", {})
        self.info_answer = found.get("info", {})
        self.network_list = found.get("networks", [])
        self.container_list = found.get("containers", [])
        self.inspected = _objects(found.get("inspect", {}))
        self.inspected_networks = _objects(found.get("inspect_networks", {}))
        self.asked: list[str] = []
        self.failures: dict[str, EngineError] = {}
        self.streams: queue.SimpleQueue[FakeStream] = queue.SimpleQueue()
        self.since_ns: list[int] = []

    @classmethod
    def of(cls, version: str) -> "FakeEngine":
        """Return an engine that answers as a recorded one did."""
        return cls(recording(version))

    def id_of(self, name: str) -> str:
        """Return the id of a container by the engine's name."""
        return next(
            identity
            for identity, answer in self.inspected.items()
            if answer.get("Name") == f"/{name}"
        )

    def remove(self, identity: str) -> None:
        """Let a container be gone from the list and on its own."""
        assert isinstance(self.container_list, list)
        self.container_list = [
            entry for entry in self.container_list if entry["Id"] != identity
        ]
        del self.inspected[identity]

    def version(self) -> JsonObject:
        """Answer `/version`."""
        return _object(self._answer("version", self.version_answer))

    def info(self) -> JsonObject:
        """Answer `/info`."""
        return _object(self._answer("info", self.info_answer))

    def networks(self) -> object:
        """Answer `/networks`."""
        return self._answer("networks", self.network_list)

    def network(self, identity: str) -> JsonObject | None:
        """Answer one network."""
        return self._one("network", identity, self.inspected_networks)

    def containers(self) -> object:
        """Answer `/containers/json`."""
        return self._answer("containers", self.container_list)

    def container(self, identity: str) -> JsonObject | None:
        """Answer one container."""
        return self._one("container", identity, self.inspected)

    def events(self, since_ns: int) -> FakeStream:
        """Open a stream of events."""
        self._answer("events", None)
        self.since_ns.append(since_ns)
        stream = FakeStream()
        self.streams.put(stream)
        return stream

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _answer(self, kind: str, answer: object) -> object:
        self.asked.append(kind)
        self._fail(kind)
        return copy.deepcopy(answer)

    def _one(
        self, kind: str, identity: str, answers: Mapping[str, JsonObject]
    ) -> JsonObject | None:
        self.asked.append(f"{kind} {identity}")
        self._fail(kind)
        self._fail(f"{kind} {identity}")
        return copy.deepcopy(answers.get(identity))

    def _fail(self, key: str) -> None:
        if key in self.failures:
            raise self.failures[key]


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value
