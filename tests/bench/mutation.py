"""Deletes each line of some code in turn and tells which deletion no test notices.

    python -m tests.bench.mutation exporter/model/verdict.py exporter/model/policy.py

A line whose deletion leaves no Python is skipped, as are blank lines, comments and
docstrings. What remains runs the tests named by --tests in a copy of the tree, the
first failure ends it. Survivors are printed as `file:line: text`; the last line is the
score.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit/model", "tests/property", "tests/docs")
TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file without one of its lines."""

    file: Path
    """Relative to the root."""
    line: int
    """From 1."""
    text: str
    source: str


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield every way to delete one line of code that leaves Python."""
    source = (ROOT / file).read_text()
    lines = source.splitlines(keepends=True)
    silent = _docstring_lines(source)
    for number, text in enumerate(lines, start=1):
        code = text.strip()
        if not code or code.startswith("#") or number in silent:
            continue
        mutated = "".join(lines[: number - 1] + lines[number:])
        try:
            tree = ast.parse(mutated)
        except SyntaxError:
            continue
        if ast.dump(tree) != ast.dump(ast.parse(source)):
            yield Mutant(file, number, code, mutated)


def _docstring_lines(source: str) -> set[int]:
    """Return the lines of strings that stand alone: they are read by people."""
    return {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def survives(mutant: Mutant, tree: Path, tests: tuple[str, ...]) -> bool:
    """Return whether every test passes without the line."""
    target = tree / mutant.file
    original = target.read_text()
    target.write_text(mutant.source)
    try:
        return passes(tree, tests)
    finally:
        target.write_text(original)


def passes(tree: Path, tests: tuple[str, ...]) -> bool:
    """Return whether every test passes in a tree; what hangs does not."""
    argv = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    argv += ["-p", "no:randomly", "--no-header", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            argv,
            cwd=tree,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def main() -> None:
    """Run all mutants and print the survivors and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--tests", nargs="+", default=TESTS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    mutants = [mutant for file in given.files for mutant in mutants_of(file)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.jobs):
            trees.put(_copy(Path(folder) / str(number)))
        whole = trees.get()
        if not passes(whole, tuple(given.tests)):
            sys.exit("the tests fail without any deletion: that proves nothing")
        trees.put(whole)

        def run(mutant: Mutant) -> bool:
            tree = trees.get()
            try:
                alive = survives(mutant, tree, tuple(given.tests))
            finally:
                trees.put(tree)
            if alive:
                print(f"{mutant.file}:{mutant.line}: {mutant.text}", flush=True)
            return alive

        with ThreadPoolExecutor(given.jobs) as pool:
            alive = sum(pool.map(run, mutants))
    killed = len(mutants) - alive
    print(f"{killed} of {len(mutants)} deleted lines broke a test, {alive} did not")


def _copy(target: Path) -> Path:
    skip = shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__", "dist")
    shutil.copytree(ROOT, target, ignore=skip, symlinks=True)
    return target


if __name__ == "__main__":
    main()
