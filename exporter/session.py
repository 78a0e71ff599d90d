"""Everything that looking at an engine needs, put together from a configuration.

Used by the daemon and by every one-shot command alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from exporter import sightings
from exporter.budget import SharedBudget
from exporter.capabilities import Privileges
from exporter.clock import Clock, SystemClock
from exporter.config import Config
from exporter.cycle import CycleRunner
from exporter.diagnosis import Diagnosis
from exporter.engine.api import EngineClient, RequestObserver
from exporter.engine.attachments import Attachments
from exporter.engine.inventory import Inventory
from exporter.icmp.prober import Prober
from exporter.inspection.inspector import Inspector
from exporter.limits import allow_descriptors
from exporter.model.hoststate import HostState
from exporter.model.inspection import Inspection
from exporter.model.outcome import Observation
from exporter.model.pair import PairState
from exporter.model.policy import Policy
from exporter.model.topology import Network, SandboxId, Topology
from exporter.powers import Powers, Terms
from exporter.sightings import CycleSettings, Probe
from exporter.survey import Survey

SWEEP_TIMEOUT_S = 0.25
"""How long a sweep waits for replies at most, whatever the settings say."""


class InBursts:
    """A prober that takes no time to send packets one by one."""

    def __init__(self, prober: Prober) -> None:
        """Stand before a prober."""
        self._prober = prober
        self.interfaces = prober.interfaces
        self.renew = prober.renew
        self.identities = prober.identities

    def probe(
        self,
        probes: Sequence[Probe],
        *,
        timeout_s: float,
        packets_per_second: float,
    ) -> tuple[Observation, ...]:
        """Probe in bursts, however few the packets are."""
        return self._prober.probe(
            probes,
            timeout_s=timeout_s,
            packets_per_second=packets_per_second,
            spread_s=0,
        )


def _ignore(_: SandboxId) -> None:
    """Take no note."""


@dataclass(slots=True)
class Session:
    """The parts, alive; a context manager that closes every socket."""

    config: Config
    clock: Clock
    powers: Powers
    engine: EngineClient
    prober: Prober
    survey: Survey
    budget: SharedBudget
    privileges: Privileges
    inspector: Inspector
    attachments: Attachments

    def __enter__(self) -> Self:
        """Start the prober, with room for five sockets a sandbox."""
        allow_descriptors()
        self.prober.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every socket and end the prober's thread."""
        self.prober.stop()
        self.engine.close()


def open_session(
    config: Config,
    *,
    on_gone: Callable[[SandboxId], None] = _ignore,
    observer: RequestObserver | None = None,
    powers: Powers | None = None,
) -> Session:
    """Return the parts for a configuration; nothing is asked or opened yet.

    Args:
        config: the settings.
        on_gone: told, from another thread, that a sandbox's process has ended.
        observer: told of each request to the engine, if the powers are our own.
        powers: what needs privileges; None: those of this process.
    """
    clock = SystemClock()
    powers = powers or _own_powers(terms_of(config), observer)
    engine = powers.engine
    prober = Prober(on_gone=on_gone, opener=powers)
    attachments = Attachments()
    privileges = powers.privileges()
    survey = Survey(Inventory(engine), prober, host=powers, privileges=privileges)
    return Session(
        config=config,
        clock=clock,
        powers=powers,
        engine=engine,
        prober=prober,
        survey=survey,
        budget=_budget(clock, survey, powers),
        privileges=privileges,
        inspector=Inspector(facts=powers.facts, attached=attachments.known),
        attachments=attachments,
    )


def terms_of(config: Config) -> Terms:
    """Return what the powers of a configuration are bound to."""
    engine = config.engine
    return Terms(
        environment={"DOCKER_HOST": engine.host},
        path_map=tuple((str(one.source), str(one.target)) for one in engine.path_map),
        host_namespace=str(engine.host_namespace) if engine.host_namespace else None,
        sockets=tuple(one.path for one in config.web.listen_addresses if one.path),
    )


def _own_powers(terms: Terms, observer: RequestObserver | None) -> Powers:
    from exporter.ownpowers import OwnPowers  # not where another process has them

    return OwnPowers(terms, observer)


def _budget(clock: Clock, survey: Survey, powers: Powers) -> SharedBudget:
    def read() -> HostState:
        found = survey.host_found
        return powers.tables(found.ref if found else None)

    return SharedBudget(clock, read=read, open_file=powers.lock_file)


def runner_for(
    session: Session,
    config: Config,
    timeout_s: float | None = None,
    prober: sightings.Prober | None = None,
    *,
    decides: bool = True,
) -> CycleRunner:
    """Return what runs cycles by a configuration.

    Args:
        session: whose parts it uses.
        config: the settings.
        timeout_s: for a reply, in place of the settings'.
        prober: in place of the session's.
        decides: as in `CycleSettings`.
    """

    def inspect(topology: Topology, states: Sequence[PairState]) -> Inspection:
        return session.inspector.inspect(topology, states, session.survey.host_found)

    diagnosis = Diagnosis(inspect, session.clock)
    settings = settings_for(config, timeout_s, decides=decides)
    return CycleRunner(prober or session.prober, session.clock, settings, diagnosis)


def settings_for(
    config: Config, timeout_s: float | None = None, *, decides: bool = True
) -> CycleSettings:
    """Return how a configuration wants cycles to probe.

    Args:
        config: the settings.
        timeout_s: for a reply, in place of the settings'.
        decides: as in `CycleSettings`.
    """
    return CycleSettings(
        decides=decides,
        timeout_s=timeout_s or config.probe.timeout,
        packets_per_second=config.probe.packets_per_second,
        packets=config.probe.packets,
        confirm_packets=config.probe.confirm_packets,
        grace_s=config.probe.grace_period,
    )


def sweeper_for(session: Session, config: Config) -> CycleRunner:
    """Return what runs the cycles that must not take long.

    Silence is waited for shortly, and packets go out in bursts. A broken isolation
    answers within a millisecond; what is silent is looked at again, and then as long
    as the settings say: however many sweeps find a silence, that cycle decides.
    """
    timeout_s = min(SWEEP_TIMEOUT_S, config.probe.timeout)
    decides = timeout_s >= config.probe.timeout
    prober = InBursts(session.prober)
    return runner_for(session, config, timeout_s, prober, decides=decides)


def policy_of(config: Config) -> Policy:
    """Return the policy of a configuration."""
    return Policy(tuple(entry.entry() for entry in config.policy))


def looks_at(config: Config) -> Callable[[Network], bool]:
    """Return whether a network is looked at, by the configured globs."""
    include, exclude = config.networks.include, config.networks.exclude

    def wanted(network: Network) -> bool:
        names = (network.name, network.raw_name)
        return _any_match(names, include) and not _any_match(names, exclude)

    return wanted


def _any_match(names: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)
