"""The Grafana dashboards, made of Python: `python -m grafana.generate`.

One module for each dashboard or part of one, `panels` for what panels have in common,
`ask` for the queries. What it writes to grafana/dashboards/ is what operators use; the
tests in tests/grafana/ hold it against the exporter's catalogue of metrics.
"""
