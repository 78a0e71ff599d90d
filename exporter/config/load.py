"""From file, environment and command line to one `Config`, or every problem.

Precedence, in this one place: command line > environment > file > default. Each
layer is checked by itself, so that a wrong value is reported although another layer
overrides it; then the whole is checked against itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from exporter.config.cross import CROSS_CHECKS
from exporter.config.document import Document, KeyPath, read
from exporter.config.environment import environment_values, unknown_variables
from exporter.config.policy import useless_entries
from exporter.config.schema import Config
from exporter.config.settings import POLICY, settings
from exporter.config.wording import text_of
from exporter.errors import ConfigError
from exporter.printable import printable

Values = dict[str, object]


@dataclass(slots=True)
class _Layer:
    """The values of one source."""

    values: Values
    file: Path | None = None
    document: Document = field(default_factory=Document)
    names: dict[str, str] = field(default_factory=dict)
    """What set a dotted path: a variable or an option."""
    problems: list[tuple[int, KeyPath, str]] = field(default_factory=list)
    """Line (0 without), path and text."""
    strangers: list[str] = field(default_factory=list)
    """Problem lines of variables that are no setting at all."""
    bad: set[KeyPath] = field(default_factory=set)
    """Paths of settings that cannot be used."""

    def add(self, path: KeyPath, text: str) -> None:
        """Note a problem."""
        if self.file is not None and path not in self.document.lines:
            # A single text stands for a list of it: it has no number in the file.
            path = path[:-1] if isinstance(path[-1], int) else path
        self.problems.append((self.document.line_of(path) or 0, path, text))
        self.bad.add(path[:2])

    def lines(self) -> Iterator[str]:
        """Yield the problems, in order of lines."""
        for line, path, text in sorted(self.problems, key=lambda problem: problem[0]):
            where = f"{self._where(line, path)}: "
            dotted = f"{_dotted(path)}: " if path else ""
            yield f"{where}{dotted}{text}"
        yield from self.strangers

    def holds(self, path: str) -> bool:
        """Return whether this source sets a path."""
        section, key = path.split(".")
        values = self.values.get(section)
        return isinstance(values, Mapping) and key in values

    def _where(self, line: int, path: KeyPath) -> str:
        if self.file is not None:
            name = printable(str(self.file))
            return f"{name}:{line}" if line else name
        dotted = ".".join(str(part) for part in path[:2])
        return self.names.get(dotted, dotted)


def load(
    path: Path | None,
    environment: Mapping[str, str],
    overrides: Mapping[str, object],
) -> Config:
    """Return the settings.

    Args:
        path: a YAML file, None for none.
        environment: `os.environ`; DOCKERNET_SECTION_KEY, and DOCKER_HOST as the
            default of `engine.host`. An empty variable counts as not set.
        overrides: values of the command line by dotted path; None is not set.

    Raises:
        ConfigError: with every problem, as `FILE:LINE: PATH: text`; a variable's or
            an option's name stands for FILE:LINE.
    """
    docker_host = environment.get("DOCKER_HOST", "")
    layers = [
        _named_layer(
            {"engine.host": docker_host or None}, {"engine.host": "DOCKER_HOST"}
        ),
        _file_layer(path),
        _environment_layer(environment),
        _named_layer(
            overrides,
            {
                setting.path: setting.about.option or setting.path
                for setting in settings()
            },
        ),
    ]
    for layer in layers:
        _check(layer)
    config = Config.model_validate(_merged(layers))
    _cross_check(config, layers)
    problems = tuple(line for layer in layers for line in layer.lines())
    if problems:
        raise ConfigError(problems)
    return config


def _file_layer(path: Path | None) -> _Layer:
    if path is None:
        return _Layer({})
    document = read(path)
    # A section with nothing but comments in it is null, and means the defaults.
    values = {
        key: _empty(key) if value is None else value
        for key, value in document.values.items()
    }
    layer = _Layer(values, file=path, document=document)
    for line, key_path, text in document.problems:
        layer.problems.append((line or 0, key_path, text))
        layer.bad.add(key_path[:2])
    return layer


def _empty(key: str) -> object:
    return [] if key == POLICY else {}


def _environment_layer(environment: Mapping[str, str]) -> _Layer:
    layer = _named_layer(
        environment_values(environment),
        {setting.path: setting.variable for setting in settings()},
    )
    for name, text in unknown_variables(environment):
        layer.strangers.append(f"{name}: {text}")
    return layer


def _named_layer(flat: Mapping[str, object], names: Mapping[str, str]) -> _Layer:
    values: dict[str, dict[str, object]] = {}
    for dotted, value in flat.items():
        if value is not None:
            section, key = dotted.split(".")
            values.setdefault(section, {})[key] = value
    return _Layer(dict(values), names=dict(names))


def _check(layer: _Layer) -> None:
    try:
        Config.model_validate(layer.values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            layer.add(details["loc"], text_of(details))
    for index, cover in useless_entries(layer.values.get(POLICY)):
        layer.add((POLICY, index), _why_useless(layer, cover))


def _why_useless(layer: _Layer, cover: int | None) -> str:
    if cover is None:
        return (
            "can never fit a pair: the host fits no key of from, and a gateway no key "
            "of to but network"
        )
    line = layer.document.line_of((POLICY, cover))
    return (
        f"can never decide a pair: policy[{cover}] in line {line} decides every pair "
        "that it fits"
    )


def _merged(layers: list[_Layer]) -> Values:
    merged: dict[str, dict[str, object]] = {}
    policy: list[object] = []
    for layer in layers:
        entries = layer.values.get(POLICY)
        if isinstance(entries, list) and all(path[0] != POLICY for path in layer.bad):
            policy = entries
        for section, values in layer.values.items():
            if not isinstance(values, Mapping) or (section,) in layer.bad:
                continue
            for key, value in values.items():
                if (section, key) not in layer.bad:
                    merged.setdefault(section, {})[key] = value
    return {**merged, POLICY: policy}


def _cross_check(config: Config, layers: list[_Layer]) -> None:
    bad = {path for layer in layers for path in layer.bad}
    for check in CROSS_CHECKS:
        text = check.problem(config)
        paths = [tuple(dotted.split(".")) for dotted in check.paths]
        if text is None or any(path in bad or path[:1] in bad for path in paths):
            continue
        dotted, layer = _setter(check.paths, layers)
        layer.add(tuple(dotted.split(".")), text)


def _setter(paths: tuple[str, ...], layers: list[_Layer]) -> tuple[str, _Layer]:
    """Return which of some settings was set, and by which source; highest first."""
    return next(
        (path, layer)
        for path in paths
        for layer in reversed(layers)
        if layer.holds(path)
    )


def _dotted(path: KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return printable(text.removeprefix("."))
