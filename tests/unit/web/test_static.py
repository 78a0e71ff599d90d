"""Rules of scripts and styles: small, without a build, without HTML of strings."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.web.view import view_of
from tests.fakes.pages import NOW, good
from tests.fakes.web import Given, fetched

STATIC = Path(__file__).parents[3] / "exporter/web/static"
FILES = sorted(path.name for path in STATIC.iterdir())
SCRIPTS = [name for name in FILES if name.endswith(".js")]
LINES_MOST = 400
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|"
    r"DOMParser|srcdoc|javascript:|localStorage|document\.cookie"
)
IMPORTS = re.compile(r'^import .*?from "\./(\w+)\.js";$', re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_files_are_small(name: str) -> None:
    """As in Python, none is over 400 lines."""
    assert len((STATIC / name).read_text().splitlines()) <= LINES_MOST


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_html_of_strings(name: str) -> None:
    """Names from labels become text nodes, and nothing is kept in the browser."""
    assert [] == FORBIDDEN.findall((STATIC / name).read_text())


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_say_what_they_own(name: str) -> None:
    """In their first line, as the modules of Python do."""
    assert (STATIC / name).read_text().startswith("// ")


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    """The name of SVG's namespace is the only address in them."""
    found = re.findall(r"\w+://[^\s\"')]+", (STATIC / name).read_text())

    assert [] == [one for one in found if one != "http://www.w3.org/2000/svg"]


def test_the_first_view_waits_for_no_script_twice() -> None:
    """The page names all that it needs at once: its imports make no waterfall."""
    view = view_of(good(), NOW, version="1", telemetry_path="/metrics", pair_id=str)

    needed = {"main", "matrix"}
    while True:
        sources = [(STATIC / f"{name}.js").read_text() for name in needed]
        found = {name for text in sources for name in imported(text)}
        if found <= needed:
            break
        needed |= found
    assert sorted(needed) == sorted(view.modules)


def imported(text: str) -> set[str]:
    """Return the modules that a module imports when it is loaded."""
    return set(IMPORTS.findall(text))


@pytest.mark.parametrize("name", FILES)
def test_files_are_served_once(name: str) -> None:
    """With a tag by which a browser keeps them, and compressed if it likes."""
    app = Given().app()
    first = fetched(app, f"/static/{name}")
    tag = first.headers["etag"]

    again = fetched(app, f"/static/{name}", headers={"if-none-match": f'"x", {tag}'})
    plain = fetched(app, f"/static/{name}", headers={"accept-encoding": "gzip;q=0"})

    assert (STATIC / name).read_bytes() == first.content == plain.content
    assert "gzip" == first.headers["content-encoding"]
    assert "content-encoding" not in plain.headers
    assert (304, b"") == (again.status_code, again.content)
    assert tag == again.headers["etag"]


def test_the_page_is_conditional_too() -> None:
    """304 while it would say the same but for ages; then it is made anew."""
    given = Given(snapshot=good())
    first = fetched(given.app(), "/")
    asked = {"if-none-match": first.headers["etag"]}

    assert 304 == fetched(given.app(), "/", headers=asked).status_code
    given.snapshot = replace(good(), taken=NOW + timedelta(seconds=15))
    assert 200 == fetched(given.app(), "/", headers=asked).status_code
