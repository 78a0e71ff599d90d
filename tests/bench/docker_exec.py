"""`docker exec` and `ping`, on a real engine with the scenario of the demo."""

import contextlib
from types import TracebackType
from typing import Final, Self

from tests.bench.contenders import Cost, children_cpu_s, cpu_s_of
from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.processes import of_engine
from tests.lab.suites import HOST
from tests.lab.topology import DEMO, Running

_PROBES: Final = 10


class DockerExec:
    """What a shell script does for each pair; a context manager.

    Raises:
        LabUnavailable: no engine can be started here.
    """

    name = "`docker exec` + `ping -c1`"

    def __init__(self) -> None:
        self._cleanups = contextlib.ExitStack()
        self._engine: Engine
        self._target = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._engine = undo.enter_context(Engine.start(HOST))
            demo = Running(self._engine)
            demo.start(DEMO)
            undo.callback(demo.remove)
            self._target = demo.address("mybridge2", "mybridge")
            self._cleanups = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanups.close()

    def turn(self) -> Cost:
        """Ping the same neighbour a few times, each by a command of its own.

        The cost is that of the client and of the engine: dockerd, containerd and shims,
        with the children that they waited for.
        """
        before = self._engine_cpu_s()
        before_s, false = children_cpu_s(), 0
        for _ in range(_PROBES):
            command = ["ping", "-c1", "-W1", self._target]
            done = self._engine.run_beside(
                ["docker", "exec", "mybridge1", *command], check=False
            )
            false += done.returncode != 0
        cpu_s = children_cpu_s() - before_s
        after = self._engine_cpu_s()
        if before.keys() != after.keys():
            raise LabError("processes of the engine came or went meanwhile")
        cpu_s += sum(after.values()) - sum(before.values())
        return Cost(probes=_PROBES, cpu_s=cpu_s, false=false)

    def _engine_cpu_s(self) -> dict[int, float]:
        token = self._engine.workspace.token
        return {pid: cpu_s_of(pid) for pid in of_engine(token)}
