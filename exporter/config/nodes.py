"""From the text of a YAML file to plain values.

ruamel.yaml's parser gives the nodes with their marks; the values are made here,
because every problem is wanted at once and none may be hidden: a key given twice, a
tag, a loop of aliases. YAML 1.2: `no` is text, `1:30` is text.
"""

import contextlib

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from exporter.config.document import Document, KeyPath
from exporter.printable import printable

_NODE_LIMIT = 20_000
"""Aliases can make a small file endless ("billion laughs")."""
_DEPTH_LIMIT = 32
_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset({"int", "float", "bool", "null"})
_TEXTS = frozenset({"str", "timestamp", "merge", "value"})
"""Tags that plain text may get by its looks; here it stays text."""
_KNOWN_TAGS = frozenset({"map", "seq"}) | _SCALARS | _TEXTS


def parse(text: str, document: Document) -> None:
    """Put what a text holds into a document, and whatever is wrong with it."""
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.max_depth = _DEPTH_LIMIT
        yaml.composer.warn_double_anchors = False  # YAML 1.2 section 3.2.2.2 allows it
        _Reader(document, yaml).root(yaml.compose(text))
    except MaxDepthExceededError as error:
        line = error.problem_mark.line + 1
        document.problems.append((line, (), "is nested too deep"))
    except MarkedYAMLError as error:
        document.problems.append(_syntax_problem(error))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append((line, (), "holds a character YAML does not allow"))
    except _TooMuchError as error:
        document.values = {}
        document.problems = [(error.line, (), "holds too much, or an alias of itself")]


def _syntax_problem(error: MarkedYAMLError) -> tuple[int | None, KeyPath, str]:
    words = [word for word in (error.context, error.problem) if word]
    mark, begun = error.problem_mark, error.context_mark
    text = f"is not YAML: {printable(', '.join(words))}"
    if mark and begun and begun.line < mark.line:
        text += f" (begun in line {begun.line + 1})"
    return mark.line + 1 if mark else None, (), text


class _TooMuchError(Exception):
    """Reading on would take very long."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class _Reader:
    """Turns nodes into values."""

    def __init__(self, document: Document, yaml: YAML) -> None:
        self._document = document
        self._constructor = yaml.constructor
        self._nodes = 0

    def root(self, node: Node | None) -> None:
        """Read a whole document; one that is empty says nothing."""
        if node is None or _is_null(node):
            return
        if isinstance(node, MappingNode):
            self._document.values = self._mapping(node, ())
            return
        kind = "a list" if isinstance(node, SequenceNode) else "a single value"
        self._problem(node, (), f"must hold sections such as probe:, not {kind}")

    def _problem(self, node: Node, path: KeyPath, text: str) -> None:
        self._document.problems.append((node.start_mark.line + 1, path, text))

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, path, "has a key that is not a word")
                continue
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in values:
                first = self._document.lines[(*path, key)]
                self._problem(
                    key_node, (*path, key), f"is given twice, first in line {first}"
                )
                continue
            self._document.lines[(*path, key)] = line
            values[key] = self._value(value_node, (*path, key))
        return values

    def _value(self, node: Node, path: KeyPath) -> object:
        self._nodes += 1
        if self._nodes > _NODE_LIMIT or len(path) > _DEPTH_LIMIT:
            raise _TooMuchError(node.start_mark.line + 1)
        tag = str(node.tag)
        if tag.removeprefix(_TAG) not in _KNOWN_TAGS:
            shown = printable(tag.replace(_TAG, "!!"))
            self._problem(node, path, f"has a tag that means nothing here: {shown}")
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self._document.lines[(*path, index)] = item.start_mark.line + 1
            return [
                self._value(item, (*path, index))
                for index, item in enumerate(node.value)
            ]
        return self._scalar(node)

    def _scalar(self, node: Node) -> object:
        if str(node.tag).removeprefix(_TAG) in _SCALARS:
            # `!!int`, `!!int many`, or more digits than Python reads: refused as text.
            with contextlib.suppress(ValueError, OverflowError, IndexError):
                return self._constructor.construct_object(node)
        return str(node.value)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}null"
