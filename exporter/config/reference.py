"""The documentation of the settings, made from the schema.

`python -m exporter.config.reference` prints docs/configuration.md, and with the
argument `example` deploy/dockernet.example.yaml. Tests compare both with the files.
"""

import sys
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from exporter.config.policy import PolicyEntryConfig, SelectorConfig
from exporter.config.schema import Config
from exporter.config.section import About
from exporter.config.settings import POLICY, Setting, sections, settings

_INTRODUCTION = """\
# Configuration

<!-- Generated: python -m exporter.config.reference > docs/configuration.md -->

Nothing has to be configured. A setting is taken from the first of these that has it:

1. the command line, where the setting has an option,
2. the environment: `DOCKERNET_SECTION_KEY` (an empty variable counts as not set; \
lists are separated by commas),
3. the file given with `--config.file` \
(an example with every default: [`deploy/dockernet.example.yaml`]\
(../deploy/dockernet.example.yaml)),
4. its default.

The file is YAML 1.2 in UTF-8: sections, and in them keys; `policy` is a list. Unknown \
keys, keys given twice and values out of bounds are errors. Every problem is reported \
at once, with its line, by `dockernet-exporter config check FILE` too. `SIGHUP` \
reloads; a file with a problem changes nothing.

A **duration** is `500ms`, `15s`, `5m`, `1h30m`, or a plain number of seconds. A \
**glob** is a name with `*`, `?` and `[...]`, upper and lower case told apart.

Four times `probe.timeout` must not exceed `probe.interval`.
"""
_TABLE_HEAD = """\
| setting | written as | unit | default | bounds | environment | command line |
| --- | --- | --- | --- | --- | --- | --- |
"""
_KEYS_HEAD = """\
| key | written as | left out | meaning |
| --- | --- | --- | --- |
"""
_POLICY_EXAMPLE = """\
policy:  # the first entry that fits a pair decides
  - from: {project: shop, service: "web*"}
    to: {network: billing, container: ["db", "db-*"]}
    expect: reachable
    reason: the shop reads invoices until the new interface is there
    until: 2026-12-31
  - from: {label: "tier=guest"}
    to: {label: "tier=guest"}
    expect: isolated
    reason: guests share a bridge, and must not see each other
  - to: {network: "ci_*"}
    scope: [container, host]
    expect: ignore
"""
_EXAMPLE_HEAD = """\
# Every setting of dockernet-exporter with its default; leave out what suits you.
# Generated: python -m exporter.config.reference example > deploy/dockernet.example.yaml
"""


def configuration_page() -> str:
    """Return docs/configuration.md."""
    parts = [_INTRODUCTION]
    for section, model in sections():
        here = [setting for setting in settings() if setting.section == section]
        parts.append(f"\n## `{section}`\n\n{(model.__doc__ or '').strip()}\n\n")
        parts.append(_TABLE_HEAD)
        parts.extend(_row(setting) for setting in here)
        parts.append("\n")
        parts.extend(_entry(setting) for setting in here)
    parts.extend(_policy_section())
    return "".join(parts)


def example_file() -> str:
    """Return deploy/dockernet.example.yaml."""
    parts = [_EXAMPLE_HEAD]
    for section, _ in sections():
        parts.append(f"\n{section}:\n")
        here = [setting for setting in settings() if setting.section == section]
        parts.extend(_example(setting) for setting in here)
    parts.append(f"\n{textwrap.indent(_POLICY_EXAMPLE, '# ')}")
    return "".join(parts)


def _policy_section() -> Iterator[str]:
    field = Config.model_fields[POLICY]
    yield f"\n## `{POLICY}`\n\n{field.description} It stands in the file only, and "
    yield "has neither variables nor options. [policy.md](policy.md) explains it.\n\n"
    yield f"```yaml\n{_POLICY_EXAMPLE}```\n\nAn entry:\n\n"
    yield from _key_table(PolicyEntryConfig)
    yield "\nKeys of `from` and `to`; all that are given must fit:\n\n"
    yield from _key_table(SelectorConfig)


def _key_table(model: type[BaseModel]) -> Iterator[str]:
    yield _KEYS_HEAD
    for name, field in model.model_fields.items():
        about = next(item for item in field.metadata if isinstance(item, About))
        cells = (
            f"`{field.alias or name}`",
            about.form,
            about.default or "anything",
            field.description or "",
        )
        yield f"| {' | '.join(cells)} |\n"


def _row(setting: Setting) -> str:
    option = f"`{setting.about.option}`" if setting.about.option else ""
    cells = (
        f"`{setting.path}`",
        setting.about.form,
        setting.about.unit,
        setting.about.default or f"`{_yaml(setting)}`",
        _bounds(setting),
        f"`{setting.variable}`",
        option,
    )
    return f"| {' | '.join(cells)} |\n"


def _entry(setting: Setting) -> str:
    example = setting.about.example
    tail = f" Example: `{example}`." if example else ""
    return f"- `{setting.path}`: {setting.description}{tail}\n"


def _bounds(setting: Setting) -> str:
    if setting.least is None or setting.most is None:
        return ""
    least, most = setting.number_text(setting.least), setting.number_text(setting.most)
    return f"{least} to {most}"


def _example(setting: Setting) -> str:
    comment = textwrap.indent(
        "\n".join(textwrap.wrap(setting.description.replace("`", ""), 80)), "  # "
    )
    if setting.about.example or setting.about.default:
        line = f"  # {setting.key}: {setting.about.example or _yaml(setting)}"
    else:
        line = f"  {setting.key}: {_yaml(setting)}"
    return f"{comment}\n{line}\n"


def _yaml(setting: Setting) -> str:
    """Return the default as YAML."""
    value = setting.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return setting.number_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_item(item) for item in value)}]"
    text = str(value)
    return f'"{text}"' if text.isdecimal() else text  # or it would be a number


def _item(item: object) -> str:
    text = str(item)
    return text if text.isalnum() else f'"{text}"'


def main(arguments: list[str]) -> None:
    """Print the page, or the example."""
    page = example_file() if arguments == ["example"] else configuration_page()
    sys.stdout.write(page)


if __name__ == "__main__":
    main(sys.argv[1:])
