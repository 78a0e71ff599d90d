"""Deletes each line of some code in turn and tells which deletion no test notices.

    python -m tests.bench.mutation                              the files of TESTS
    python -m tests.bench.mutation exporter/model/policy.py     one of them

Deleted are every line that leaves Python and every whole statement, so that a guard of
two lines or a call over four is not overlooked; a `pass` takes the place of the only
one in a block. Blank lines, comments and docstrings are not code. Survivors are printed
as `file:line: text`, a timeout counts as a failure and is printed too; the last lines
are the scores.

A parent imports pytest and the third-party packages once and forks a child for each
deletion, in which that one file is compiled without the line. All run in one copy of
the tree made at the start, so that it may be worked on meanwhile.
"""

import argparse
import ast
import gc
import importlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import CodeType

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300.0
_UNIT = "tests/unit/model"
_PAGE = "tests/docs/test_expectations_doc.py"
_PROMISES = (
    f"{_UNIT}/test_rules_container.py {_UNIT}/test_rules_across.py "
    f"{_UNIT}/test_rules_ends.py {_UNIT}/test_expectation.py "
    f"{_UNIT}/test_expectation_families.py {_UNIT}/test_expectation_sources.py"
)
_ROUTES = f"{_UNIT}/test_routing.py"
_LAST = "tests/property/test_expectation.py"
_POLICY = f"{_UNIT}/test_policy.py {_UNIT}/test_opting_out.py"
_VERDICT = (
    f"{_UNIT}/test_verdict.py {_UNIT}/test_evidence.py {_UNIT}/test_merge.py"
    f" {_UNIT}/test_settled.py"
)
TESTS = {
    "exporter/model/expectation.py": (_PROMISES, _ROUTES, _PAGE, _LAST),
    "exporter/model/rules.py": (_PAGE, _PROMISES, _ROUTES, _LAST),
    "exporter/model/rules_container.py": (_PAGE, _PROMISES, _ROUTES, _LAST),
    "exporter/model/rules_ends.py": (_PAGE, _PROMISES, _ROUTES, _LAST),
    "exporter/model/silence.py": (_PROMISES, _ROUTES, _LAST),
    "exporter/model/routing.py": (_ROUTES, _PROMISES, _LAST),
    "exporter/model/policy.py": (
        _POLICY,
        "tests/unit/config/test_load.py tests/unit/metrics/test_policy.py",
        "tests/property/test_policy.py",
        f"{_UNIT}/test_marks.py tests/property/test_plan.py",
    ),
    "exporter/model/verdict.py": (
        _VERDICT,
        f"{_UNIT}/test_plan_parts.py tests/unit/test_cycle_fleeting.py",
    ),
}
"""The tests of each file, in stages: the later are only run where the first pass."""
_HYPOTHESIS = """
import hypothesis
hypothesis.settings.register_profile(
    "mutation", max_examples=50, deadline=None, derandomize=True, database=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)
"""
"""No luck, and no search for the smallest example: that there is one is enough."""
_ARGUMENTS = (
    *("-x", "-q", "--no-header", "-o", "addopts=--import-mode=importlib"),
    *("-p", "no:cacheprovider", "-p", "no:randomly"),
    *("--timeout=60", "--hypothesis-profile=mutation"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file without one of its lines or statements."""

    file: str
    """Relative to the root."""
    line: int
    """From 1."""
    text: str
    source: str


def mutants_of(file: str) -> Iterator[Mutant]:
    """Yield every way to delete one line or statement that leaves other Python."""
    source = (ROOT / file).read_text()
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    silent = set(_docstring_lines(tree))
    known = {ast.dump(tree)}
    singles = [(number, number, False) for number in range(1, len(lines) + 1)]
    for first, last, may_pass in [*singles, *_statements(tree)]:
        text = lines[first - 1].strip()
        if not text or text.startswith("#") or first in silent:
            continue
        indent = lines[first - 1][: -len(lines[first - 1].lstrip())]
        for instead in ("", f"{indent}pass\n")[: 1 + may_pass]:
            mutated = "".join([*lines[: first - 1], instead, *lines[last:]])
            with suppress(SyntaxError):
                dump = ast.dump(ast.parse(mutated))
                if dump not in known:
                    known.add(dump)
                    more = f" (to line {last})" if last > first else ""
                    yield Mutant(file, first, text + more, mutated)
                break


def _statements(tree: ast.Module) -> Iterator[tuple[int, int, bool]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(one.lineno for one in decorators)])
            yield first, node.end_lineno or first, True


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of strings that stand alone: they are read by people."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _run(tree: Path, mutant: Mutant | None, stages: tuple[str, ...]) -> None:
    """Run the tests in this process, a fresh child, and end it with their status."""
    os.chdir(tree)
    sys.dont_write_bytecode = False  # of the copy, where it saves most of the time
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(ROOT))]
    for name in [n for n in sys.modules if n.partition(".")[0] == "tests"]:
        del sys.modules[name]  # the namespace package that this file is in
    if mutant is not None:
        _compile_instead(tree / mutant.file, mutant.source)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
    exec(_HYPOTHESIS)  # noqa: S102 - a constant, in the child that it is for
    for stage in stages:
        if status := pytest.main([*_ARGUMENTS, *stage.split()]):
            os._exit(int(status))
    if mutant is None:
        (tree / "modules.json").write_text(json.dumps([*sys.modules]))
    os._exit(0)


def _compile_instead(path: Path, source: str) -> None:
    """Have the importer of this process take a file's code from a string."""
    usual = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if self.path == str(path):
            return compile(source, str(path), "exec")
        return usual(self, fullname)

    # A fork of its own: nobody else sees the class patched.
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def _start(tree: Path, mutant: Mutant | None, stages: tuple[str, ...]) -> BaseProcess:
    child = multiprocessing.get_context("fork").Process(
        target=_run, args=(tree, mutant, stages)
    )
    child.start()
    return child


def _warm_up(tree: Path) -> None:
    """Import what the tests have imported, except for what is tested and the tests."""
    for name in json.loads((tree / "modules.json").read_text()):
        if name.partition(".")[0] not in ("exporter", "tests", "conftest"):
            with suppress(Exception):
                importlib.import_module(name)


def survivors(
    tree: Path, todo: Iterable[tuple[Mutant, tuple[str, ...]]], jobs: int
) -> Iterator[Mutant]:
    """Yield the mutants that every test passes."""
    waiting = iter(todo)
    running: dict[int, tuple[BaseProcess, Mutant, float]] = {}
    while True:
        while len(running) < jobs and (following := next(waiting, None)):
            child = _start(tree, *following)
            ends = time.monotonic() + TIMEOUT_S
            running[child.sentinel] = child, following[0], ends
        if not running:
            return
        ready = wait(list(running), timeout=1.0)
        for sentinel, (child, mutant, ends) in list(running.items()):
            if sentinel in ready:
                child.join()
                del running[sentinel]
                if child.exitcode == 0:
                    yield mutant
            elif time.monotonic() > ends:
                print(f"{mutant.file}:{mutant.line}: timed out: {mutant.text}")
                child.kill()


def main() -> None:
    """Run all mutants and print the survivors and the scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="of TESTS; all of them unless given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if unknown := set(given.files) - set(TESTS):
        parser.error(f"TESTS tells no tests for {', '.join(sorted(unknown))}")
    files = given.files or [*TESTS]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        skip = shutil.ignore_patterns(".venv", ".git", ".*_cache", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=skip, symlinks=True)
        mutants = {file: [*mutants_of(file)] for file in files}
        stages = dict.fromkeys(s for file in files for s in TESTS[file])
        whole = _start(tree, None, tuple(stages))
        whole.join()
        if whole.exitcode != 0:
            sys.exit("the tests fail without any deletion: that proves nothing")
        _warm_up(tree)
        gc.freeze()
        alive = dict.fromkeys(files, 0)
        todo = [(one, TESTS[file]) for file in files for one in mutants[file]]
        for one in survivors(tree, todo, given.jobs):
            alive[one.file] += 1
            print(f"{one.file}:{one.line}: {one.text}", flush=True)
    scores = {file: (len(mutants[file]), left) for file, left in alive.items()}
    scores["all"] = sum(map(len, mutants.values())), sum(alive.values())
    for name, (number, left) in scores.items():
        print(f"{name}: {number - left} of {number} broke a test")


if __name__ == "__main__":
    main()
