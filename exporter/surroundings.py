"""What the commands are run with: the environment, and who does the work.

What a command needs is imported when it runs: `--help` takes a fraction of a second.
"""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from exporter.config import Config
    from exporter.model.snapshot import Snapshot
    from exporter.report.request import CheckRequest
    from exporter.terminal import Output

FINE = 0
"""Exit status of what has no verdict; see `exporter.report.summary.Status`."""


class App(Protocol):
    """What the commands need done; `exporter.app` does it."""

    def run(self, config: "Config", reload: Callable[[], "Config"], /) -> int:
        """Serve until a signal ends it, and return the exit status.

        `reload` reads the settings anew from where they came from, and raises
        `ConfigError` with every problem.
        """
        ...

    def check(
        self,
        config: "Config",
        request: "CheckRequest",
        progress: Callable[[str], None],
        /,
    ) -> "Snapshot":
        """Return one cycle's findings."""
        ...

    def topology(self, config: "Config", /) -> "Snapshot":
        """Return what exists; nothing is probed."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the commands are run with; a test gives its own."""

    environment: Mapping[str, str]
    app: App | None = None
    """None for the real one."""

    def load_app(self) -> App:
        """Return who does the work."""
        if self.app is not None:
            return self.app
        from exporter import app, log

        log.configure("warning", "auto")  # `run` sets it as configured
        return app

    def hold_hangups(self) -> None:
        """Let SIGHUP wait for the service, which asks for it once it can heed it.

        Until then, half a second, it would end the process: without an error for
        systemd, which then does not start it again.
        """
        if self.app is None:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})

    def load_config(self, path: Path | None) -> "Config":
        """Return the settings of a command without options for them.

        Raises:
            ConfigError: with every problem.
        """
        from exporter.config import load

        return load(path, self.environment, {})

    def output(self) -> "Output":
        """Return standard output."""
        from exporter.terminal import Output

        return Output(sys.stdout, self.environment)
