"""dockernet-exporter: who reaches whom on a Docker host, against the promise."""

__version__ = "0.1.0"
