"""What a person or a pipeline gets to read: a `Snapshot` as text, JSON or JUnit.

Pure: no I/O, no clock, no environment. Texts are lines of spans with a role; only
`paint` knows colours. Names come from labels that any user of the engine may set,
so they pass through `exporter.printable` and are never read as markup.
"""
