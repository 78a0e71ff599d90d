"""The one place where any exception is survived: counted, and logged once."""

from collections.abc import Awaitable

from structlog.typing import FilteringBoundLogger

from exporter.board import Board
from exporter.errors import ExporterError
from exporter.troubles import Troubles


class Supervisor:
    """Runs pieces of work that may fail without the service ending.

    Args:
        board: whose counters count the failures.
        failing: which stages fail now; shared with whoever asks.
        log: gets a line for each stage that begins to fail.
    """

    def __init__(
        self, board: Board, failing: Troubles, log: FilteringBoundLogger
    ) -> None:
        self._board = board
        self._failing = failing
        self._log = log

    async def guarded(self, stage: str, work: Awaitable[None]) -> bool:
        """Run a piece of work and return whether it came to its end.

        Args:
            stage: what it is, for the counter and the log.
            work: any; only its cancellation is passed on.
        """
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the one supervisor
            self._board.count(lambda tally: tally.count_error(stage))
            if self._failing.enters(stage):
                known = isinstance(error, ExporterError)
                self._log.error(f"{stage}.failed", error=str(error), exc_info=not known)
            return False
        self._failing.leaves(stage)
        return True
