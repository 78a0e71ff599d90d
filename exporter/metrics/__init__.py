"""Metrics: from a snapshot to the Prometheus text formats.

The only room that uses `prometheus_client`. Nothing here asks the engine, sends a
packet, takes a lock or keeps a metric: every scrape is built from one snapshot, so
what no longer exists has no series.
"""

from exporter.metrics.exposition import Exposition, Rendered

__all__ = ["Exposition", "Rendered"]
