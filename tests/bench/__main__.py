"""What a probe costs, beside the limit and beside other tools, in one run.

python -m tests.bench [PART...] [--repeat 5] [--largest 1000] [--write]
"""

import argparse
import sys
from pathlib import Path

from tests.bench.pages import put
from tests.bench.parts import PARTS, setting
from tests.lab.errors import LabError, LabUnavailable

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def main() -> int:
    """Measure the parts, print their sections, and write them where asked to."""
    wanted = _arguments()
    sections: dict[str, str] = {}
    try:
        with setting(repeat=wanted.repeat, largest=wanted.largest) as shared:
            for name in wanted.parts or PARTS:
                print(f"{name}: {PARTS[name].__doc__}", flush=True)
                sections[name] = PARTS[name](shared)
                print(f"\n{sections[name]}\n", flush=True)
                if wanted.write:
                    PAGE.write_text(put(PAGE.read_text(), {name: sections[name]}))
    except (LabError, LabUnavailable) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 3
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeat", type=int, default=5, help="turns of each (5)")
    parser.add_argument(
        "--largest", type=int, default=1000, help="containers in a lab of `growth`"
    )
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    found = parser.parse_args()
    if unknown := set(found.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if found.repeat < 1:
        parser.error("at least one turn")
    return found


if __name__ == "__main__":
    sys.exit(main())
