"""What `--help` says: a contract, fast, and the same as the documentation."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.config.settings import settings
from exporter.model.cause import CauseId, cause
from exporter.model.outcome import Expected, Result, Scope, Verdict, observed_of
from exporter.model.policy import Policy, PolicyEntry
from exporter.report.document import header
from exporter.report.pairs import pair_document
from exporter.report.summary import Status
from exporter.report.topology_document import topology_document
from tests.fakes.program import said_by
from tests.fakes.report_samples import dead, demo_on_host, snapshot

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
PAGE = (ROOT / "docs" / "check.md").read_text()
COMMANDS = [
    (),
    ("run",),
    ("check",),
    ("explain",),
    ("topology",),
    ("healthcheck",),
    ("config",),
    ("config", "check"),
    ("policy",),
    ("policy", "test"),
]
HEAVY = ("docker", "requests", "pydantic", "starlette", "uvicorn", "rich", "asyncio")


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Return a command's help."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert 0 == ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "-".join(c) or "all")
def test_golden(
    command: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    update_golden: bool,
) -> None:
    """Every command's help is what was read and found good, on 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    path = GOLDEN / f"help-{'-'.join(command) or 'all'}.txt"
    text = help_of(capsys, *command)
    if update_golden:
        path.write_text(text)

    assert path.read_text() == text


def test_help_needs_no_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the image, where Python has none, the help is the same."""
    monkeypatch.setenv("COLUMNS", "80")
    program = (
        "from exporter.cli import main\n"
        f"for command in {COMMANDS!r}:\n"
        " try:\n  main([*command, '--help'])\n"
        " except SystemExit:\n  pass\n"
    )
    names = ("-".join(command) or "all" for command in COMMANDS)
    expected = "".join((GOLDEN / f"help-{name}.txt").read_text() for name in names)

    assert expected == said_by(program, "-OO")


def test_help_is_light() -> None:
    """The help loads nothing that is slow to load."""
    program = (
        "import sys\n"
        "from exporter.cli import main\n"
        "try:\n main(['check', '--help'])\n"
        "except SystemExit:\n pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    assert "[]" == said_by(program).splitlines()[-1]


def test_options_of_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option that the settings name is one of `run`, and the reverse."""
    offered = set(re.findall(r"--(?:web|log)\.[a-z.-]+", help_of(capsys, "run")))

    assert offered == {one.about.option for one in settings() if one.about.option}


def test_every_option_of_check_is_documented(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """docs/check.md tells of every option of `check`."""
    options = set(re.findall(r"--[a-z.]+", help_of(capsys, "check"))) - {"--help"}

    assert [] == sorted(one for one in options if f"`{one}" not in PAGE)


def test_exit_statuses_are_documented() -> None:
    """docs/check.md has a row for every exit status."""
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)

    assert [*(str(int(status)) for status in Status), "130"] == rows


def documented(heading: str) -> list[str]:
    """Return the names in the first column of the table below a heading."""
    section = PAGE.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `([a-z_0-9.\[\]]+)` \|", section, re.MULTILINE)


def test_every_field_of_a_check_is_documented() -> None:
    """docs/check.md has every field of the document, in its order, and no other."""
    some = PolicyEntry(expected=Expected.REACHABLE, scopes=frozenset({Scope.GATEWAY}))
    found = snapshot(demo_on_host(), dead("bridge1"), policy=Policy((some,)))
    fields: dict[str, None] = {}
    why = cause(CauseId.LINK_DOWN, "eth0 is down", certain=True)
    for state in (*found.pairs[::-1], *found.pairs):
        broken = replace(state, causes=(why,))
        fields |= dict.fromkeys(pair_document(found, broken))

    assert [*header(found), "pairs"] == documented("### The document")
    assert set(fields) == set(documented("### A pair"))


def test_every_field_of_the_topology_is_documented() -> None:
    """The same for `topology --json`, its objects named by their place."""
    found = topology_document(snapshot(demo_on_host()))
    networks, containers, host = found["networks"], found["containers"], found["host"]
    assert isinstance(networks, list)
    assert isinstance(containers, list)
    assert isinstance(host, dict)
    expected = {f"networks[].{key}" for network in networks for key in network}
    expected |= {f"containers[].{key}" for one in containers for key in one}
    expected |= {f"host.{key}" for key in host}
    expected |= {"schema", "engine", "notices"}

    assert expected == set(documented("## `topology --json`"))


def test_every_word_is_documented() -> None:
    """docs/check.md has every verdict and every result, with its observation."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)

    assert list(Verdict) == documented("### Verdicts")
    assert list(Result) == documented("### Results")
    assert [(str(one), str(observed_of(one))) for one in Result] == [
        row for row in rows if row[0] in set(Result)
    ]
