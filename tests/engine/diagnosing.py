"""One look at a real engine by `check --json`, and the causes of what is broken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.engine import Engine
from tests.lab.exporter import Ran, named, run_exporter


@dataclass(frozen=True, slots=True)
class Look:
    """What a check said."""

    ran: Ran

    @property
    def causes(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The causes of each violation, by the pair; IPv6 stands behind its name."""
        return {
            named(pair) + (" IPv6" if pair["ip_version"] == 6 else ""): pair["causes"]
            for pair in self.ran.pairs
            if pair["verdict"].startswith("unexpected")
        }

    @property
    def first(self) -> Mapping[str, tuple[str, bool]]:
        """The first cause of each violation and whether it is certain."""
        return {
            pair: (found[0]["cause"], found[0]["certain"])
            for pair, found in self.causes.items()
        }

    def told(self) -> str:
        """Return everything that was said, for the message of a failed test."""
        lines = [self.ran.err]
        for pair, found in self.causes.items():
            lines.append(pair)
            lines += [
                f"  {'!' if one['certain'] else '?'} {one['cause']}: "
                f"{'; '.join(one['evidence'])}"
                for one in found
            ]
        return "\n".join(lines)


def look(engine: Engine) -> Look:
    """Check an engine, whose containers count as old enough to answer."""
    return Look(
        run_exporter(
            "check",
            "--json",
            "--timeout",
            "200ms",
            engine=engine.base_url,
            environment={"DOCKERNET_PROBE_GRACE_PERIOD": "0s"},
        )
    )
