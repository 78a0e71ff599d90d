"""Settings: from a file, the environment and the command line to one `Config`.

Nothing outside this package reads a setting's file or its environment variable;
everything else is given plain values by the composition root.
"""

from exporter.config.load import load
from exporter.config.schema import Config
from exporter.config.units import ListenAddress
from exporter.config.webkeeper import AccessKeeper

__all__ = ["AccessKeeper", "Config", "ListenAddress", "load"]
