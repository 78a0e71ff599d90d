"""The Docker SDK behind `EngineClient`: the only file that imports `docker`.

Read only: every request passes `_ReadOnlyApi.send`, which lets nothing but GET out.
Sources: https://docs.docker.com/reference/api/engine/, docker-py `docker/api`.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

import docker
import docker.errors
import requests
from docker.utils import kwargs_from_env, parse_host

from exporter.clock import Clock, SystemClock
from exporter.engine import foreign, locality
from exporter.engine.api import EventStream, RequestKind, RequestObserver
from exporter.engine.failures import translated
from exporter.engine.foreign import JsonObject
from exporter.engine.stream import HttpEventStream
from exporter.engine.unixsocket import UnixAdapter
from exporter.errors import EngineError, EngineProtocolError

Answer = TypeVar("Answer")

_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_OLDEST_API = "1.24"
"""What an engine is asked in until it has named its own version; `/version` is
answered without one."""

_KINDS: Mapping[str, RequestKind] = {
    "version": "version",
    "info": "info",
    "networks": "networks",
    "containers": "containers",
    "events": "events",
}
_ONE_OF: Mapping[str, RequestKind] = {"networks": "network", "containers": "container"}


def default_address(environment: Mapping[str, str] | None = None) -> str:
    """Return DOCKER_HOST, else the default socket's address."""
    source = os.environ if environment is None else environment
    return source.get("DOCKER_HOST", "").strip() or _DEFAULT_ADDRESS


class DockerEngine:
    """`EngineClient` over HTTP.

    Args:
        environment: DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are read from
            here; None takes the process's own.
        observe: told of every request.
        timeout_s: how long the engine may take to begin an answer, and between two
            parts of it.
        container_timeout_s: the same for one container: the engine locks it while
            it starts, and one that hangs there must not hold up the others.
        clock: times the requests.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        observe: RequestObserver | None = None,
        timeout_s: float = 10.0,
        container_timeout_s: float = 3.0,
        clock: Clock | None = None,
    ) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._address = default_address(self._environment)
        self._observe = observe
        self._timeouts = _Timeouts(timeout_s, container_timeout_s)
        self._clock = clock or SystemClock()
        self._api: _ReadOnlyApi | None = None

    @property
    def address(self) -> str:
        """Where the engine is, as in DOCKER_HOST."""
        return self._address

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return bool(
            self._environment.get("DOCKER_TLS_VERIFY")
            or self._environment.get("DOCKER_CERT_PATH")
            or self._address.startswith("https://")
        )

    def version(self) -> JsonObject:
        """Ask for the engine's version, and speak that API version from now on."""
        # A new connection negotiates: the engine may have been exchanged.
        self.close()
        with self._translated("/version"):
            self._api, answer = self._connect()
        return answer

    def info(self) -> JsonObject:
        """Ask for the engine's configuration."""
        return foreign.as_object(self._ask("/info", lambda api: api.info()))

    def networks(self) -> object:
        """Ask for the list of networks."""
        return self._ask("/networks", lambda api: api.networks())

    def network(self, identity: str) -> JsonObject | None:
        """Ask for one network; None when it is gone."""
        return self._ask_one(
            f"/networks/{identity}", lambda api: api.inspect_network(identity)
        )

    def containers(self) -> object:
        """Ask for the list of containers, stopped ones too."""
        return self._ask("/containers/json", lambda api: api.containers(all=True))

    def container(self, identity: str) -> JsonObject | None:
        """Ask for one container; None when it is gone."""
        return self._ask_one(
            f"/containers/{identity}/json", lambda api: api.inspect_container(identity)
        )

    def events(self, since_ns: int) -> EventStream:
        """Open the stream of events, on a connection of its own."""
        seconds, nanoseconds = divmod(since_ns, 1_000_000_000)
        with self._translated("/events"):
            api, _ = self._connect()
            try:
                response = api.get(
                    f"{api.base_url}/v{api.api_version}/events",
                    params={"since": f"{seconds}.{nanoseconds:09d}"},
                    stream=True,
                )
                response.raise_for_status()
            except BaseException:
                api.close()
                raise
        return HttpEventStream(response, address=self._address, when_over=api.close)

    def close(self) -> None:
        """Close every connection but the event streams."""
        api, self._api = self._api, None
        if api is not None:
            api.close()

    def _connect(self) -> "tuple[_ReadOnlyApi, JsonObject]":
        """Return a connection that speaks the engine's own version, and `/version`."""
        with self._open(_OLDEST_API) as api:
            answer = foreign.as_object(api.version(api_version=False))
        spoken = foreign.text(answer, "ApiVersion")
        if not spoken:
            raise EngineProtocolError("/version", "no ApiVersion")
        return self._open(spoken), answer

    def _open(self, api_version: str) -> "_ReadOnlyApi":
        settings = kwargs_from_env(self._environment or {"DOCKER_HOST": ""})
        return _ReadOnlyApi(
            base_url=self._address,
            tls=settings.get("tls", False),
            api_version=api_version,
            observe=self._observe,
            timeouts=self._timeouts,
            clock=self._clock,
        )

    def _translated(self, path: str) -> AbstractContextManager[None]:
        return translated(
            address=self._address,
            path=path,
            timeout_s=self._timeouts.of(_kind_of(path)),
            sdk_error=docker.errors.DockerException,
        )

    def _ask(self, path: str, ask: "Callable[[_ReadOnlyApi], Answer]") -> Answer:
        try:
            with self._translated(path):
                if self._api is None:
                    self._api, _ = self._connect()
                return ask(self._api)
        except EngineError:
            self.close()
            raise

    def _ask_one(
        self, path: str, ask: "Callable[[_ReadOnlyApi], object]"
    ) -> JsonObject | None:
        def unless_gone(api: _ReadOnlyApi) -> object:
            try:
                return ask(api)
            except docker.errors.NotFound:
                return None

        found = self._ask(path, unless_gone)
        return None if found is None else foreign.as_object(found)


class _Timeouts(NamedTuple):
    """How long to wait for an answer, in seconds."""

    any_s: float
    container_s: float

    def of(self, kind: RequestKind) -> float:
        """Return the timeout of a kind of request."""
        return self.container_s if kind == "container" else self.any_s


class _ReadOnlyApi(docker.APIClient):
    """The SDK's client, unable to send anything but GET."""

    def __init__(
        self,
        *,
        base_url: str,
        tls: object,
        api_version: str,
        observe: RequestObserver | None,
        timeouts: "_Timeouts",
        clock: Clock,
    ) -> None:
        super().__init__(
            base_url=base_url,
            version=api_version,
            tls=tls,  # type: ignore[arg-type]  # what kwargs_from_env made
        )
        self._observe = observe
        self._timeouts = timeouts
        self._clock = clock
        if locality.is_unix(base_url):
            # Neither ~/.netrc nor a proxy concerns a Unix socket.
            self.trust_env = False
            self.mount("http+docker://", UnixAdapter(_socket_path(base_url)))

    def send(
        self, request: requests.PreparedRequest, **kwargs: object
    ) -> requests.Response:
        """Send a request if it is a GET, and tell the observer how it went."""
        if request.method != "GET":
            message = f"refused {request.method} {request.path_url}: GET only"
            raise RuntimeError(message)
        kind = _kind_of(request.path_url)
        kwargs["timeout"] = self._timeouts.of(kind)
        began_s = self._clock.monotonic_s()
        code = "error"
        try:
            response = super().send(
                request,
                **kwargs,  # type: ignore[arg-type]  # passed on as they came
            )
            code = str(response.status_code)
        finally:
            if self._observe is not None:
                duration_s = self._clock.monotonic_s() - began_s
                self._observe(kind, code, duration_s)
        return response


def _socket_path(address: str) -> str:
    """Return the path of a Unix socket's address, read as the SDK reads it."""
    return "/" + str(parse_host(address)).partition("://")[2].lstrip("/")


def _kind_of(path: str) -> RequestKind:
    """Return the kind of a request, of `/v1.41/containers/ID/json?...` for example."""
    parts = path.partition("?")[0].strip("/").split("/")
    if parts[0].startswith("v") and parts[0][1:2].isdigit():
        parts = parts[1:]
    if len(parts) > 1 and parts != ["containers", "json"]:
        return _ONE_OF.get(parts[0], "other")
    return _KINDS.get(parts[0], "other") if parts else "other"
