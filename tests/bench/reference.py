"""The C reference: `reference.c`, compiled when it is needed."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.contenders import Cost
from tests.bench.mesh import MeshContainer, Pairs
from tests.lab.errors import LabError, LabUnavailable

SOURCE = Path(__file__).with_name("reference.c")
BATCH = 64

_TIMEOUT_S = 300.0
_DIGITS = bytes.maketrans(b"01", b"\0\1")


@contextlib.contextmanager
def compiled() -> Iterator[Path]:
    """Compile it; the program is there as long as the context.

    Raises:
        LabUnavailable: there is no C compiler.
        LabError: it does not compile.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise LabUnavailable(
            "no C compiler for the reference;"
            " tools/debian-packages gcc libc6-dev installs one"
        )
    with tempfile.TemporaryDirectory(prefix="dockernet-bench-") as folder:
        program = Path(folder) / "reference"
        done = subprocess.run(
            [compiler, "-O2", "-o", str(program), str(SOURCE)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{SOURCE.name} does not compile: {done.stderr}")
        yield program


class Reference:
    """The limit: batches by sendmmsg and recvmmsg, in C."""

    name = "C reference (the limit)"

    def __init__(
        self,
        program: Path,
        pairs: Pairs,
        *,
        identifier: int,
        rounds: int = 1,
        timeout_s: float = 1.0,
    ) -> None:
        """Prepare.

        Args:
            identifier: of the requests, the same as that of whom it is compared with:
                conntrack entries belong to an identifier.
            rounds: in a turn, by the same sockets.
            timeout_s: for answers, after the last request.
        """
        self._argv = [
            str(program),
            *(str(identifier), str(BATCH), str(int(timeout_s * 1e3)), str(rounds)),
        ]
        self._pairs = pairs
        self._right = pairs.promised()

    def turn(self) -> Cost:
        """Send everything, so often as was asked for."""
        done = subprocess.run(
            self._argv,
            input="\n".join(_lines(self._pairs)).encode(),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        if done.returncode:
            raise LabError(f"the reference failed: {done.stderr.decode()}")
        lines = done.stdout.split()
        answers = lines[5::6]
        return Cost(
            probes=sum(map(int, lines[0::6])),
            cpu_s=sum(map(int, lines[3::6])) / 1e6,
            false=sum(
                differences(self._right, found.translate(_DIGITS)) for found in answers
            ),
        )


def differences(right: bytes, found: bytes) -> int:
    """Return in how many places two strings of one length differ.

    >>> differences(b"0110", b"0101")
    2
    """
    if right == found:
        return 0
    return sum(one != other for one, other in zip(right, found, strict=True))


def _lines(pairs: Pairs) -> Iterator[str]:
    last: MeshContainer | None = None
    for source, destination in pairs:
        if source is not last:
            yield f"source {source.path}"
            last = source
        yield str(destination.address)
