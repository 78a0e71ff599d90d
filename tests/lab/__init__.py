"""The lab: real Docker engines and plain namespaces, made for a test and then gone.

Nothing in here knows the exporter (`demo`, `exporter` and `service` start it, as a
process). Traffic never leaves a namespace that was made for the purpose. See
docs/lab.md.
"""
