"""README.md and docs/: what they link, name and show exists and is so."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from exporter.cli import cli
from exporter.config import load
from exporter.metrics.catalogue import FAMILIES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MATRIX = ROOT / "tests" / "golden" / "matrix-demo.txt"
MAX_LINES = 250
MAX_PICTURE_BYTES = 150_000
PROGRAM = "dockernet-exporter"


def name_of(path: Path) -> str:
    """Return a page's path as a reader knows it."""
    return str(path.relative_to(ROOT))


def fences(text: str, language: str = "") -> list[str]:
    """Return what stands between the fences of a language."""
    blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    return [block for its, block in blocks if its == language]


def prose(text: str) -> str:
    """Return a page without its fenced blocks and its code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^```.*?^```$", "", text))


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings get where Markdown is shown."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures within the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text()))
    return [target for target in found if "://" not in target]


def dead(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
            yield target


def words_of(command: click.Command, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield every command that does something, as the words that are typed."""
    if not isinstance(command, click.Group):
        yield before
        return
    for name, inner in command.commands.items():
        yield from words_of(inner, *before, name)


def command_of(words: tuple[str, ...]) -> click.Command:
    """Return the command that some words name."""
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def usage() -> list[list[str]]:
    """Return the words of each line of the README's usage block."""
    (block,) = [one for one in fences(README.read_text()) if one.startswith(PROGRAM)]
    return [line.split("  ")[0].split()[1:] for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A link names a file of the repository, and a heading that is in it."""
    assert [] == list(dead(page))


def test_every_page_is_linked() -> None:
    """A page that no other page leads to is not found."""
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in links(page)
    }

    assert [] == [name_of(page) for page in PAGES[1:] if page not in linked | {README}]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_metrics_exist(page: Path) -> None:
    """Every metric that a page names is in the catalogue."""
    known = {family.full_name for family in FAMILIES}
    parts = {f"{name}{end}" for name in known for end in ("_bucket", "_sum", "_count")}
    named = set(re.findall(r"\bdockernet_[a-z][a-z_]*[a-z](?!\w|\*)", page.read_text()))

    assert [] == sorted(named - known - parts)


def test_promql_selects_what_exists() -> None:
    """A label and value that the README selects by are the metric's."""
    labels = {family.full_name: family.labels for family in FAMILIES}
    selected = [
        (name, *matcher)
        for name, inside in re.findall(
            r"(dockernet_\w+)\{([^}]*)\}", README.read_text()
        )
        for matcher in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', inside)
    ]
    known = {
        (name, label.name, value)
        for name, of_family in labels.items()
        for label in of_family
        for value in label.values or ()
    }

    assert selected
    assert [] == [one for one in selected if one not in known]


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, block in enumerate(fences(page.read_text(), "yaml"), 1)
    ],
)
def test_yaml_is_a_configuration(page: Path, block: str, tmp_path: Path) -> None:
    """What is shown as YAML can be used as it stands."""
    assert page.exists()
    path = tmp_path / "dockernet.yaml"
    path.write_text(block)

    load(path, {}, {})


def test_usage_has_every_command() -> None:
    """The usage block shows every command, and none that does not exist."""
    shown = [
        next(
            (words for words in words_of(cli) if words == tuple(line[: len(words)])),
            tuple(line),
        )
        for line in usage()
    ]

    assert set(words_of(cli)) == set(shown)


def test_usage_has_every_argument() -> None:
    """Each command takes exactly the arguments that the usage block gives it."""
    for words in words_of(cli):
        named = [
            (one.name or "").upper()
            for one in command_of(words).params
            if isinstance(one, click.Argument)
        ]
        shown = [
            line[len(words) :] for line in usage() if line[: len(words)] == [*words]
        ]

        assert named in shown


def test_options_exist() -> None:
    """An option of the program that the README names is one of its commands'."""
    options = {
        option
        for words in words_of(cli)
        for parameter in command_of(words).params
        for option in parameter.opts
    }
    text = "\n".join(
        line for line in README.read_text().splitlines() if PROGRAM in line
    )

    assert set(re.findall(r"--[a-z][a-z.-]+", text)) <= options


def test_python_version() -> None:
    """The README asks for the Python that the package asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"Python (\d+\.\d+)", README.read_text())

    assert {project["requires-python"].removeprefix(">=")} == set(versions)


def test_matrix_is_the_demos() -> None:
    """The matrix in the README is what `check` prints for the demo, below its head."""
    _, _, report = MATRIX.read_text().partition("\n\n")

    assert report in fences(README.read_text())


def test_readme_is_short() -> None:
    """It is read at one sitting; the rest stands in docs/."""
    assert len(README.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs/images").glob("page-*.png")), ids=lambda one: one.name
)
def test_pictures_are_small(path: Path) -> None:
    """The pictures of the page are PNGs and do not weigh on a clone."""
    picture = path.read_bytes()

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) < MAX_PICTURE_BYTES


def test_rooms_are_named() -> None:
    """docs/architecture.md names every module and folder of the package."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "exporter").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    }

    assert [] == sorted(room for room in rooms if not re.search(rf"[`/]{room}`", text))
