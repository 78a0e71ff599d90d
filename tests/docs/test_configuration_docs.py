"""Rules of the documentation of settings: it is made from the schema."""

from pathlib import Path

import pytest

from exporter.config import Config, load
from exporter.config.reference import configuration_page, example_file, main
from exporter.config.settings import settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "deploy" / "dockernet.example.yaml"


def test_the_page_is_the_schemas() -> None:
    """docs/configuration.md is what the schema says; its head names the command."""
    assert configuration_page() == PAGE.read_text()


def test_the_example_is_the_schemas() -> None:
    """deploy/dockernet.example.yaml is what the schema says."""
    assert example_file() == EXAMPLE.read_text()


def test_the_example_holds_the_defaults() -> None:
    """Starting with the example changes nothing."""
    assert Config() == load(EXAMPLE, {}, {})


def test_the_example_mends_to_the_same_settings(tmp_path: Path) -> None:
    """What the example has commented out can be used as it stands."""
    path = tmp_path / "dockernet.yaml"
    lines = EXAMPLE.read_text().splitlines()
    names = tuple(f"  # {setting.key}: " for setting in settings())
    path.write_text(
        "\n".join(
            line.replace("# ", "", 1) if line.startswith(names) else line
            for line in lines
        )
    )

    engine = load(path, {}, {}).engine

    assert Config().engine.host == engine.host
    assert engine.path_map
    assert engine.host_namespace


def test_every_setting_is_on_the_page_with_its_variable() -> None:
    """A setting can be found by its name and by its variable."""
    page = PAGE.read_text()

    assert [] == [
        setting.path
        for setting in settings()
        if f"| `{setting.path}` |" not in page or f"`{setting.variable}`" not in page
    ]


def test_the_command_prints_what_the_files_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command in the head of the files makes the files."""
    main([])
    assert PAGE.read_text() == capsys.readouterr().out
    main(["example"])
    assert EXAMPLE.read_text() == capsys.readouterr().out
