"""The closed vocabulary of labels.

Labels are names that survive a restart; ids and addresses stand on `_info` families
only. Prometheus itself adds the instance, so none of these says which host it is.
"""

from exporter.metrics.family import Label
from exporter.model.cause import CauseId
from exporter.model.outcome import (
    VIOLATIONS,
    Expected,
    Observed,
    Protocol,
    Result,
    Scope,
    Verdict,
)

CONTAINER = Label(
    name="container",
    text="Name of a container: compose `project-service-N`, swarm `service.slot`, "
    "else the engine's.",
)
NETWORK = Label(
    name="network",
    text="Name of a Docker network, with a short id where two share one.",
)
SOURCE = Label(name="source", text="Name of the source's container, or `host`.")
DESTINATION = Label(
    name="destination", text="Name of the destination's container, or `gateway`."
)
SOURCE_NETWORK = Label(
    name="source_network",
    text="Network of the interface that the source's route uses; empty for the host "
    "and where the source has no route.",
)
DESTINATION_NETWORK = Label(
    name="destination_network", text="Network of the destination's address."
)
IP_VERSION = Label(name="ip_version", text="Address family.", values=("4", "6"))
EXPECTED = Label(
    name="expected",
    text="What is promised, by Docker or the policy.",
    values=tuple(map(str, Expected)),
)
OBSERVED = Label(
    name="observed", text="What was seen.", values=tuple(map(str, Observed))
)
VERDICT = Label(name="verdict", text="What follows.", values=tuple(map(str, Verdict)))
SCOPE = Label(
    name="scope", text="What kind of pair it is.", values=tuple(map(str, Scope))
)
PROTOCOL = Label(
    name="protocol", text="How it is probed.", values=tuple(map(str, Protocol))
)
RESULT = Label(
    name="result",
    text="Particular outcome of a probe.",
    values=tuple(str(result) for result in Result if result is not Result.SKIPPED),
)
VIOLATION_KIND = Label(
    name="kind",
    text="Which way the promise is broken.",
    values=tuple(str(verdict) for verdict in Verdict if verdict in VIOLATIONS),
)
CAUSE = Label(
    name="cause",
    text="The likeliest reason, `unknown` where none was found.",
    values=tuple(map(str, CauseId)),
)


def ip_version(version: int) -> str:
    """Return the label value of a family, 4 or 6."""
    return IP_VERSION.values[version == 6]


def flag(value: bool) -> str:
    """Return the label value of a yes or no."""
    return "true" if value else "false"
