"""The shape of the repository: sizes, names, import direction, pinned requirements."""

import ast
import logging.config
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("exporter", "grafana", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
SHAPELESS_NAMES = {"utils", "util", "helpers", "common", "misc"}
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's code, from its def, without its docstring."""
    end_line = function.end_lineno or function.lineno
    lines = end_line - function.lineno + 1
    if ast.get_docstring(function) is not None:
        text = function.body[0]
        lines -= (text.end_lineno or text.lineno) - text.lineno + 1
    return lines


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_file_and_function_sizes(path: Path) -> None:
    """No file is over 400 lines and no function over 40, docstrings aside."""
    text = (ROOT / path).read_text()

    too_long = [
        f"{path}:{function.lineno} {function.name}: {length(function)} lines"
        for function in functions(ast.parse(text))
        if length(function) > MAX_FUNCTION_LINES
    ]

    assert [] == too_long
    assert len(text.splitlines()) <= MAX_FILE_LINES


def test_no_shapeless_modules() -> None:
    """A module is named after what it holds, so nothing is called utils."""
    assert [] == [path for path in SOURCES if path.stem in SHAPELESS_NAMES]


@pytest.mark.timeout(60)
def test_import_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms import downwards only, and each foreign library has one room."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    # It configures logging, which switches off every logger that exists by then.
    monkeypatch.setattr(logging.config, "dictConfig", lambda _settings: None)

    assert 0 == lint_imports(no_cache=True, no_logo=True)


def pins(path: Path) -> dict[str, str]:
    """Return name -> version of every requirement that a file pins."""
    lines = re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pinned_with_hashes_and_name_no_address(path: Path) -> None:
    """Every requirement has a version and a hash; no file says where from."""
    text = path.read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)[1:]

    assert [] == re.findall(r"^.*(?:://|--(?:index|extra|find)).*$", text, re.MULTILINE)
    assert entries
    assert [] == [e for e in entries if "==" not in e or "--hash=sha256:" not in e]


def test_requirement_files_agree() -> None:
    """A package has one version, whichever file installs it."""
    versions: dict[str, set[str]] = {}
    for path in REQUIREMENTS:
        for name, version in pins(path).items():
            versions.setdefault(name, set()).add(version)

    assert {} == {name: found for name, found in versions.items() if len(found) > 1}


def test_requirements_cover_the_metadata() -> None:
    """What pyproject.toml asks for is pinned: run.txt for users, dev.txt for all."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = metadata["dependency-groups"]
    run = {canonical(line) for line in metadata["project"]["dependencies"]}
    dev = {
        canonical(line)
        for group in (entry["include-group"] for entry in groups["dev"])
        for line in groups[group]
    }

    assert set() == run - set(pins(ROOT / "requirements/run.txt"))
    assert set() == (run | dev) - set(pins(ROOT / "requirements/dev.txt"))


def canonical(requirement: str) -> str:
    """Return the normalised name of a requirement line (PEP 503)."""
    name = re.split(r"[<>=!~\[; ]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
