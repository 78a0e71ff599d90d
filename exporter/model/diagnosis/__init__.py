"""From what was found in the namespaces to the likely causes of a broken promise.

Pure. A cause is named only where something that was read speaks for it: `scene` puts
what the engine says beside what is there, the others each look for one kind of fault.
"""

from exporter.model.cause import Cause
from exporter.model.diagnosis.likely import causes_of

__all__ = ["Cause", "causes_of"]
