"""An app for the command line that answers at once, and remembers what it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from exporter.cli import main
from exporter.config import Config
from exporter.model.snapshot import Snapshot
from exporter.report.request import CheckRequest
from exporter.session import policy_of


class FakeApp:
    """Answers with one snapshot, or fails in one way.

    Stands in for `exporter.app`, which needs an engine.
    """

    def __init__(
        self, found: Snapshot, error: BaseException | None = None, status: int = 0
    ) -> None:
        """Answer with `found` and `status`, or raise `error`."""
        self._found = found
        self._error = error
        self._status = status
        self.configs: list[Config] = []
        self.requests: list[CheckRequest] = []
        self.reload: Callable[[], Config] | None = None

    def run(self, config: Config, reload: Callable[[], Config], /) -> int:
        """Return at once, as after a signal."""
        self.configs.append(config)
        self.reload = reload
        self._fail()
        return self._status

    def check(
        self, config: Config, request: CheckRequest, progress: Callable[[str], None], /
    ) -> Snapshot:
        """Say something on the way, and answer."""
        self.configs.append(config)
        self.requests.append(request)
        progress("half way")
        self._fail()
        return self._found

    def topology(self, config: Config, /) -> Snapshot:
        """Answer, by the policy of the configuration if it has one."""
        self.configs.append(config)
        self._fail()
        if not config.policy:
            return self._found
        policy, today = policy_of(config), self._found.taken.date()
        return replace(self._found, policy=policy, notices=policy.notices(today))

    def _fail(self) -> None:
        if self._error is not None:
            raise self._error


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]
"""`ended` with all but the arguments, the app and the environment given."""


def ended(
    capsys: pytest.CaptureFixture[str],
    found: Snapshot,
    *arguments: str,
    app: FakeApp | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command line to its end, with nothing of the real environment."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments), app=app or FakeApp(found), environment=environment or {})
    captured = capsys.readouterr()
    code = left.value.code
    assert isinstance(code, int)
    return Outcome(status=code, out=captured.out, err=captured.err)
