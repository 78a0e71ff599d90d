"""From what was found in the namespaces to the likely causes of a broken promise.

Pure. A cause is named only where something that was read speaks for it.
"""

from exporter.model.cause import Cause
from exporter.model.inspection import Inspection
from exporter.model.pair import PairState
from exporter.model.topology import Topology


def causes_of(
    state: PairState, topology: Topology, inspection: Inspection
) -> tuple[Cause, ...]:
    """Return the likely causes of a violation, the likeliest first.

    Args:
        state: of a pair; one that is no violation has no causes.
        topology: what the engine says.
        inspection: what was found in the namespaces.

    Returns:
        None of them where nothing was found: that is not guessed away.
    """
    del state, topology, inspection
    return ()
