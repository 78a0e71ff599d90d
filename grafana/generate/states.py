"""What a pair's state is called and how it is coloured; the text says it all.

A number in a query stands for a state. Where several pairs share a cell the highest
number wins, so what is wrong is never hidden by what is fine.
"""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

NOT_PROBED, NOT_JUDGED, ISOLATED, REACHES, IN_DOUBT, LOST, LEAK = range(1, 8)

_CALM = "#4a4f5a"
_SILENT = "#2a5699"
_FINE = "#2f7d43"
_DOUBT = "#b58a00"
_BROKEN = "#d9650b"
_ALARM = "#c4162a"


def mapped(names: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Return a mapping from values to text and colour."""
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(names.items())
        }
    )


CELLS = mapped(
    {
        str(NOT_PROBED): ("unprobed", _CALM),
        str(NOT_JUDGED): ("unjudged", _CALM),
        str(ISOLATED): ("isolated", _SILENT),
        str(REACHES): ("reaches", _FINE),
        str(IN_DOUBT): ("in doubt", _DOUBT),
        str(LOST): ("LOST", _BROKEN),
        str(LEAK): ("LEAK", _ALARM),
    }
)
"""Of a cell of the matrix."""
WRONGS = mapped({str(LOST): ("LOST", _BROKEN), str(LEAK): ("LEAK", _ALARM)})
"""Of a pair in the timeline."""
KINDS = mapped(
    {
        "unexpected_reachable": ("LEAK: reaches, must not", _ALARM),
        "unexpected_unreachable": ("LOST: does not reach", _BROKEN),
    }
)
"""Of a violation."""
PEERS = mapped(
    {
        "0": ("silent", _SILENT),
        "1": ("reaches", _FINE),
        str(LOST): ("LOST", _BROKEN),
        str(LEAK): ("LEAK", _ALARM),
    }
)
"""Of a pair of which one end is the container that is looked at."""
ANSWERS = mapped({"0": ("DOWN", _ALARM), "1": ("up", _FINE)})
"""Of an engine."""
REACHED = mapped({"0": ("NO", _BROKEN), "1": ("yes", _FINE)})
USED = mapped({"0": ("not in use", _CALM), "1": ("in use", _FINE)})
"""Of a source of changes."""
