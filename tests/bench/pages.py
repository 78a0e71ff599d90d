"""Tables of a benchmark, and the places in a document where they belong.

<!-- bench: growth -->
... replaced by what was measured last ...
<!-- bench: end -->
"""

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_END = "<!-- bench: end -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, numbers to the right.

    >>> print(table(["who", "µs"], [["we", "2.0"]]))
    | who | µs |
    | --- | ---: |
    | we | 2.0 |
    """
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def put(text: str, sections: Mapping[str, str]) -> str:
    r"""Return a document with new text in its marked places.

    >>> put("a\n<!-- bench: x -->\nold\n<!-- bench: end -->\nb", {"x": "new"})
    'a\n<!-- bench: x -->\n\nnew\n\n<!-- bench: end -->\nb'

    Raises:
        ValueError: there is no place for one of them.
    """
    for name, section in sections.items():
        begin = f"<!-- bench: {name} -->"
        if begin not in text:
            raise ValueError(f"no place for {name!r}")
        new = f"{begin}\n\n{section}\n\n{_END}"
        before, _, rest = text.partition(begin)
        text = before + new + rest.partition(_END)[2]
    return text


def surroundings() -> str:
    """Return where and how busily a measurement ran, in a line."""
    load, _, _ = os.getloadavg()
    return (
        f"{os.cpu_count()} CPUs ({_cpu()}), Linux {platform.release()},"
        f" Python {platform.python_version()}, load {load:.1f}"
    )


def _cpu() -> str:
    said = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.*)$", said, re.MULTILINE)
    return found[1] if found else platform.machine()
