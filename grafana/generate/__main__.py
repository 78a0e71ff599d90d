"""Write the dashboards as JSON: `python -m grafana.generate [FOLDER]`."""

import sys
from pathlib import Path

from grafana.generate.dashboards import DASHBOARDS, text_of

HERE = Path(__file__).parents[1] / "dashboards"


def main(arguments: list[str]) -> None:
    """Write one file for each dashboard, named after its uid."""
    folder = Path(arguments[0]) if arguments else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for uid, make in DASHBOARDS.items():
        (folder / f"{uid}.json").write_text(text_of(make()))


if __name__ == "__main__":
    main(sys.argv[1:])
