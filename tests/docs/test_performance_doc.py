"""docs/performance.md has a place for every part of the benchmark, and no other."""

import re

from tests.bench.__main__ import PAGE
from tests.bench.parts import PARTS


def test_every_part_has_its_place_with_figures() -> None:
    """What `make bench` writes is there, and nothing that it never writes."""
    text = PAGE.read_text()
    place = re.compile(r"<!-- bench: (\w+) -->(.*?)<!-- bench: end -->", re.DOTALL)
    places = place.findall(text)

    assert sorted(PARTS) == sorted(name for name, _ in places)
    assert [] == [name for name, section in places if "Median of" not in section]
