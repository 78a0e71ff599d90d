"""Looks into the namespaces of the ends of broken promises, once each; reads only.

`namespace` reads one, on a thread that is inside; `inspector` chooses which.
"""

from exporter.inspection.inspector import Inspector, facts_of

__all__ = ["Inspector", "facts_of"]
