"""The engine of a test session: one at a time, and clean for every test.

Only one runs, as the kernel's neighbour table is one for all namespaces: two engines
with their containers would disturb each other's probes. A test gets the engine of the
test before it if nothing shows that anybody used it; else a new one, which takes less
than a second.
"""

from collections.abc import Mapping, Sequence

from docker.errors import DockerException
from requests.exceptions import RequestException

from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.suites import Suite


class EnginePool:
    """Starts engines on demand, and stops the one before."""

    def __init__(self) -> None:
        self._current: Engine | None = None
        self._started_with: object = None
        self._pristine: str | None = None
        """The traces of a shared engine at its start; None for one of a single test."""
        self.versions: dict[str, str] = {}
        """The version that each suite was found to be."""

    def shared(
        self,
        suite: Suite,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Engine:
        """Return an engine of a suite with nothing on it, running.

        One that was started with the same flags and environment.
        """
        wanted = (suite, tuple(flags), dict(environment or {}))
        if (
            self._current is not None
            and self._pristine is not None
            and self._started_with == wanted
        ):
            return self._current
        engine = self._start(suite, flags, environment or {})
        self._pristine = engine.traces()
        self._started_with = wanted
        return engine

    def fresh(
        self, suite: Suite, flags: Sequence[str], environment: Mapping[str, str]
    ) -> Engine:
        """Return an engine that no test has seen or will see again."""
        return self._start(suite, flags, environment)

    def settle(self) -> None:
        """Make the engine clean for the next test, or stop it if that cannot be."""
        if self._current is None:
            return
        if self._pristine is None or not self._is_clean(self._current):
            self.close()

    def close(self) -> None:
        """Stop the engine."""
        current, self._current, self._pristine = self._current, None, None
        if current is not None:
            current.stop()

    def _start(
        self, suite: Suite, flags: Sequence[str], environment: Mapping[str, str]
    ) -> Engine:
        self.close()
        engine = Engine.start(suite, flags=flags, environment=environment)
        self._current = engine
        self.versions[suite.name] = engine.version
        return engine

    def _is_clean(self, engine: Engine) -> bool:
        """Empty an engine; whether it then looks as it did at its start.

        A flushed chain, a deleted route or a bridge that is down does not show in the
        API, and would spoil the tests that follow in ways that nobody understands.
        """
        try:
            engine.reset()
            return engine.traces() == self._pristine
        except (DockerException, RequestException, LabError):
            return False
