"""Which tests pytest-xdist gives to one worker, in their order.

Its own way, the mark `xdist_group` and `--dist loadgroup`, does nothing under pytest
9.2: tests are spread one by one, and every module's engine and lab is built once in
each worker (https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

import re
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

from tests.lab.suites import SUITES

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_ALONE = "tests/soak/"
"""Here each test takes minutes and shares nothing with the next."""
_LONG = ("tests/engine/test_alerts", "tests/engine/test_systemd")
"""Here a few tests take minutes, most of which they wait."""
_ENGINES = frozenset(suite.name for suite in SUITES)


def group_of(nodeid: str) -> str:
    """Return what a test is run with: those of its module that use its engine.

    >>> group_of("tests/engine/test_check.py::TestLinks::test_down[forky-4]")
    'tests/engine/test_check.py forky'
    >>> group_of("tests/unit/test_names.py::test_short[a-b]")
    'tests/unit/test_names.py'
    """
    module, _, name = nodeid.partition("::")
    if module.startswith(_ALONE):
        return nodeid
    parameters = re.split(r"[\[\]-]", name)[1:]
    engine = next((part for part in parameters if part in _ENGINES), "")
    return f"{module} {engine}".rstrip()


class Grouped(LoadScopeScheduling):  # type: ignore[misc]  # ships no types
    """Gives a worker one group after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: "WorkerController") -> None:
        """Give out first what takes long: at the end it would run alone."""
        long = next((one for one in self.workqueue if one.startswith(_LONG)), None)
        if long is not None:
            self.workqueue.move_to_end(long, last=False)
        super()._assign_work_unit(node)
