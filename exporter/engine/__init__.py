"""The Docker engine: its API, what it says in the model's words, and its events.

`client` speaks to the engine, `parse` understands its answers, `inventory` keeps them,
`watch` follows its events. Nothing here asks with any method but GET, and nothing
outside this folder knows the engine's JSON.
"""
