"""The pure core: topology, plan, expectation, verdict, snapshot.

No I/O, no clock, no logging; only the standard library and `exporter.errors`.
"""
