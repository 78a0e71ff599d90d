"""Every setting once: type, unit, default, bounds, meaning.

`docs/configuration.md` and `deploy/dockernet.example.yaml` are made from this file
(`exporter.config.reference`), so they cannot say anything else. pydantic is used at
this boundary only.
"""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict

from exporter.config.checks import (
    absolute_path,
    distinct,
    engine_host,
    file_mode,
    glob,
    host_name,
    listen_address,
    log_level,
    telemetry_path,
)
from exporter.config.policy import PolicyEntries
from exporter.config.section import About, Section
from exporter.config.units import ListenAddress, seconds_from
from exporter.model.outcome import Scope

DEFAULT_ENGINE_HOST = "unix:///var/run/docker.sock"
DEFAULT_LISTEN_ADDRESS = ListenAddress("127.0.0.1", 10042)


_DURATION = About(form="duration", unit="seconds")
_FLAG = About(form="true or false")
_LIST_OF_GLOBS = About(form="list of globs")

Duration = Annotated[float, BeforeValidator(seconds_from)]
Count = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
AbsolutePath = Annotated[PurePosixPath, BeforeValidator(absolute_path)]
Glob = Annotated[str, BeforeValidator(glob)]
Address = Annotated[ListenAddress, BeforeValidator(listen_address)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"], BeforeValidator(log_level)
]
EngineHost = Annotated[str, BeforeValidator(engine_host)]
HostName = Annotated[str, BeforeValidator(host_name)]
FileMode = Annotated[str, BeforeValidator(file_mode)]
TelemetryPath = Annotated[str, BeforeValidator(telemetry_path)]


class PathMapping(Section):
    """A folder of the engine's mount namespace, and where we see it."""

    source: AbsolutePath = Field(alias="from")
    target: AbsolutePath = Field(alias="to")


class EngineConfig(Section):
    """Which engine, and how its namespaces are found."""

    host: Annotated[
        EngineHost,
        About(form="URL", default=f"`DOCKER_HOST`, else `{DEFAULT_ENGINE_HOST}`"),
        Field(
            description="Address of the Docker engine: `unix://`, `tcp://`, `http://`, "
            "`https://`, `ssh://`. Through anything but a Unix socket there is nothing "
            "to probe: topology and subnet metrics only."
        ),
    ] = DEFAULT_ENGINE_HOST
    path_map: Annotated[
        tuple[PathMapping, ...],
        About(
            form="list of `{from: FOLDER, to: FOLDER}`",
            example="[{from: /var/run/docker, to: /host/run/docker}]",
        ),
        Field(
            description="Where the engine's folders are for this process, when it "
            "runs in a container and they are mounted elsewhere. The first that fits "
            "is used. In the environment: `FROM=TO,FROM=TO`."
        ),
    ] = ()
    host_namespace: Annotated[
        AbsolutePath | None,
        About(form="path", default="found by itself", example="/proc/1/ns/net"),
        Field(
            description="Network namespace of the engine, for the scope `host`. It is "
            "used only if it holds the engine's bridges."
        ),
    ] = None


class ProbeConfig(Section):
    """What is probed, how often and how fast."""

    interval: Annotated[
        Duration,
        _DURATION,
        Field(ge=1, le=3600, description="Time from the start of a cycle to the next."),
    ] = 15.0
    timeout: Annotated[
        Duration,
        _DURATION,
        Field(
            ge=0.05,
            le=60,
            description="How long a reply is waited for. A cycle may wait for it "
            "four times, so four times this must fit into `probe.interval`. Below one "
            "second, a neighbour resolution that is repeated once looks like silence.",
        ),
    ] = 1.0
    packets: Annotated[
        Count,
        About(form="whole number", unit="packets"),
        Field(ge=1, le=100, description="Echo requests a pair in each cycle."),
    ] = 1
    confirm_packets: Annotated[
        Count,
        About(form="whole number", unit="packets"),
        Field(
            ge=0,
            le=100,
            description="Further echo requests before a pair is called violated.",
        ),
    ] = 3
    packets_per_second: Annotated[
        Count,
        About(form="whole number", unit="packets a second"),
        Field(ge=10, le=100_000, description="Most packets sent in a second, in all."),
    ] = 2000
    grace_period: Annotated[
        Duration,
        _DURATION,
        Field(
            ge=0,
            le=3600,
            description="A container that started less than this ago is not yet blamed "
            "for not answering.",
        ),
    ] = 10.0
    pause_file: Annotated[
        AbsolutePath | None,
        About(
            form="path",
            default="`/run/dockernet-exporter/pause`",
            example="/run/dockernet-exporter/pause",
        ),
        Field(
            description="While this file exists, `run` starts no cycle: nothing is "
            "probed, the metrics stay, and `dockernet_probing_paused` is 1. It is "
            "looked for before each cycle: docs/harm.md."
        ),
    ] = None
    scopes: Annotated[
        Annotated[tuple[Scope, ...], BeforeValidator(distinct)],
        About(form="list of `container`, `host`, `gateway`, `name`"),
        Field(
            min_length=1,
            description="Which kinds of pairs are probed: container to container, the "
            "engine's host to containers, containers to their gateway, names asked at "
            "the embedded DNS. `container` needs `host` and `gateway`, its controls.",
        ),
    ] = tuple(Scope)


class DiscoveryConfig(Section):
    """How the engine's objects are followed."""

    resync_interval: Annotated[
        Duration,
        _DURATION,
        Field(
            ge=10,
            le=86400,
            description="Time between full listings, beside the engine's events.",
        ),
    ] = 300.0


class NetworksConfig(Section):
    """Which networks are looked at."""

    include: Annotated[
        Annotated[tuple[Glob, ...], BeforeValidator(distinct)],
        _LIST_OF_GLOBS,
        Field(min_length=1, description="Names of networks to probe."),
    ] = ("*",)
    exclude: Annotated[
        Annotated[tuple[Glob, ...], BeforeValidator(distinct)],
        _LIST_OF_GLOBS,
        Field(description="Names of networks not to probe, although included."),
    ] = ()


class WebConfig(Section):
    """The HTTP server."""

    listen_addresses: Annotated[
        Annotated[tuple[Address, ...], BeforeValidator(distinct)],
        About(form="list of `HOST:PORT` or `unix:PATH`", option="--web.listen-address"),
        Field(
            min_length=1,
            description="Where to listen: `HOST:PORT`, `[IPV6]:PORT`, `:PORT` for "
            "every interface, or `unix:PATH`. Without `web.config_file` there is no "
            "password: who can connect can read the topology.",
        ),
    ] = (DEFAULT_LISTEN_ADDRESS,)
    config_file: Annotated[
        AbsolutePath | None,
        About(
            form="path",
            option="--web.config.file",
            default="plain HTTP, no password",
            example="/etc/dockernet-exporter/web.yml",
        ),
        Field(
            description="TLS, client certificates, passwords, headers, in the format "
            "of Prometheus's exporters: docs/web.md. It is read again when it changes."
        ),
    ] = None
    allowed_hosts: Annotated[
        Annotated[tuple[HostName, ...], BeforeValidator(distinct)],
        About(form="list of host names", example='[exporter.example, "*.internal"]'),
        Field(
            description="Further names under which it may be asked (`Host`), where "
            "there is neither TLS nor a password: docs/web.md. Addresses, `localhost`, "
            "this machine's own name and those listened on always are."
        ),
    ] = ()
    socket_mode: Annotated[
        FileMode,
        About(form="permissions"),
        Field(description="Permissions of Unix sockets that are listened on."),
    ] = "0660"
    telemetry_path: Annotated[
        TelemetryPath,
        About(form="path", option="--web.telemetry-path"),
        Field(description="Where the metrics are."),
    ] = "/metrics"
    enable_lifecycle: Annotated[
        Flag,
        About(form="true or false", option="--web.enable-lifecycle"),
        Field(description="Whether `POST /-/reload` reloads the configuration."),
    ] = False


class LogConfig(Section):
    """The log, on standard error."""

    level: Annotated[
        LogLevel,
        About(form="`debug`, `info`, `warning` or `error`", option="--log.level"),
        Field(description="The least that is logged."),
    ] = "info"
    format: Annotated[
        Literal["auto", "logfmt", "json", "console"],
        About(form="`auto`, `logfmt`, `json` or `console`", option="--log.format"),
        Field(description="`auto` is `console` on a terminal, else `logfmt`."),
    ] = "auto"


class MetricsConfig(Section):
    """What is exported."""

    series_limit: Annotated[
        Count,
        About(form="whole number", unit="series"),
        Field(
            ge=1000,
            le=1_000_000,
            description="Most series on the metrics page. Above it detail is left out, "
            "never the totals or the violations.",
        ),
    ] = 20_000
    endpoint_info: Annotated[
        Flag,
        _FLAG,
        Field(
            description="Whether each endpoint's addresses, image and ids are "
            "exported; these series change whenever a container is replaced."
        ),
    ] = True


class ProcessConfig(Section):
    """The two processes of `run`: one has the privileges, the other speaks HTTP."""

    split: Annotated[
        Flag,
        _FLAG,
        Field(
            description="Whether a process of its own keeps the privileges: "
            "docs/permissions.md. Without it the process that speaks HTTP has them."
        ),
    ] = True
    user: Annotated[
        str,
        About(form="name or number"),
        Field(
            min_length=1,
            pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
            description="Who the process that speaks HTTP becomes. It must be able to "
            "read the exporter's own files.",
        ),
    ] = "nobody"


class Config(Section):
    """All settings, checked one by one; `load` checks them against each other."""

    engine: EngineConfig = EngineConfig()
    probe: ProbeConfig = ProbeConfig()
    discovery: DiscoveryConfig = DiscoveryConfig()
    networks: NetworksConfig = NetworksConfig()
    web: WebConfig = WebConfig()
    log: LogConfig = LogConfig()
    process: ProcessConfig = ProcessConfig()
    metrics: MetricsConfig = MetricsConfig()
    policy: Annotated[
        PolicyEntries,
        Field(
            description="What is to be expected instead of what Docker promises: a "
            "list, of which the first entry that fits a pair decides."
        ),
    ] = ()
