"""dockernet-exporter: who reaches whom on a Docker host, against what Docker promises."""

__version__ = "0.1.0"
