"""The policy in the file: a list of entries, and what is wrong with their order."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from exporter.config.checks import (
    closed_glob,
    day,
    distinct,
    family,
    label_glob,
    one_line,
)
from exporter.config.section import About, Section
from exporter.model.outcome import Scope
from exporter.model.policy import EXPECTATIONS, PolicyEntry, Selector
from exporter.model.topology import IP_VERSIONS, IpVersion


def _one_or_more(value: object) -> object:
    """Return a single text as a list of it."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [value]
    message = "must be text, or a list of texts"
    raise ValueError(message)


def _nothing_is_everything(value: object) -> object:
    """Return a selector that was left empty as one without a key."""
    return {} if value is None else value


_Globs = Annotated[
    tuple[Annotated[str, BeforeValidator(closed_glob)], ...],
    BeforeValidator(distinct),
    BeforeValidator(_one_or_more),
    Field(min_length=1),
]
_Labels = Annotated[
    tuple[Annotated[str, BeforeValidator(label_glob)], ...],
    BeforeValidator(distinct),
    BeforeValidator(_one_or_more),
    Field(min_length=1),
]
_GLOBS = About(form="glob, or list of globs")


class SelectorConfig(Section):
    """Which ends an entry fits: every key that is given must."""

    network: Annotated[
        _Globs,
        _GLOBS,
        Field(
            description="In `from` the network of the interface that the source's "
            "route uses, in `to` the network of the destination's address, by its name "
            "here or at the engine. The host is on none, nor is a source without a "
            "route."
        ),
    ] = ()
    container: Annotated[
        _Globs,
        _GLOBS,
        Field(description="The container's name here or at the engine."),
    ] = ()
    project: Annotated[
        _Globs, _GLOBS, Field(description="The container's compose project.")
    ] = ()
    service: Annotated[
        _Globs,
        _GLOBS,
        Field(description="The container's compose or swarm service."),
    ] = ()
    label: Annotated[
        _Labels,
        About(form="`KEY` or `KEY=GLOB`, or list of them"),
        Field(description="A label of the container; without `=` whatever its value."),
    ] = ()

    def selector(self) -> Selector:
        """Return what the model calculates with."""
        return Selector(
            network=self.network,
            container=self.container,
            project=self.project,
            service=self.service,
            label=self.label,
        )


class PolicyEntryConfig(Section):
    """For which pairs, and what is expected of them."""

    source: Annotated[
        SelectorConfig,
        BeforeValidator(_nothing_is_everything),
        About(form="mapping of the keys below", default="everything"),
        Field(alias="from", description="The source; left out, it is anything."),
    ] = SelectorConfig()
    destination: Annotated[
        SelectorConfig,
        BeforeValidator(_nothing_is_everything),
        About(form="mapping of the keys below", default="everything"),
        Field(alias="to", description="The destination; left out, it is anything."),
    ] = SelectorConfig()
    scope: Annotated[
        Annotated[
            tuple[Scope, ...],
            BeforeValidator(distinct),
            BeforeValidator(_one_or_more),
        ],
        About(
            form="`container`, `host`, `gateway` or `name`, or list of them",
            default="`container`",
        ),
        Field(
            min_length=1,
            description="Which kinds of pairs. From the host only entries without a "
            "key in `from` fit, and to a gateway only those with no key but `network` "
            "in `to`.",
        ),
    ] = (Scope.CONTAINER,)
    ip_version: Annotated[
        Annotated[IpVersion | None, BeforeValidator(family)],
        About(form="`4` or `6`", default="both"),
        Field(description="The address family."),
    ] = None
    expect: Annotated[
        Literal["reachable", "isolated", "ignore"],
        About(form="`reachable`, `isolated` or `ignore`", default="must be given"),
        Field(
            description="What is expected. Pairs that are ignored are probed and "
            "shown, but never judged."
        ),
    ]
    reason: Annotated[
        str,
        BeforeValidator(one_line),
        About(form="text", default="none"),
        Field(description="Why, for whoever reads the findings."),
    ] = ""
    until: Annotated[
        Annotated[date | None, BeforeValidator(day)],
        About(form="date", default="for ever"),
        Field(
            description="The last day, in UTC, on which the entry decides anything. "
            "After it a notice and a metric say so."
        ),
    ] = None

    def entry(self) -> PolicyEntry:
        """Return what the model calculates with."""
        return PolicyEntry(
            source=self.source.selector(),
            destination=self.destination.selector(),
            scopes=frozenset(self.scope),
            ip_version=self.ip_version,
            expected=EXPECTATIONS[self.expect],
            reason=self.reason,
            until=self.until,
        )


PolicyEntries = tuple[PolicyEntryConfig, ...]


def useless_entries(values: object) -> Iterator[tuple[int, int | None]]:
    """Yield the index of each entry that can never decide a pair.

    With it comes the index of the earlier entry that decides every pair it fits, or
    None where no pair can fit at all. Entries that are wrong by themselves are left
    out, so that one problem does not hide another.

    Args:
        values: of the key `policy`, as the file has them.
    """
    before: list[tuple[int, PolicyEntry]] = []
    for index, value in enumerate(values if isinstance(values, list) else ()):
        try:
            entry = PolicyEntryConfig.model_validate(value).entry()
        except ValidationError:
            continue
        if not any(entry.can_fit(scope, v) for scope in Scope for v in IP_VERSIONS):
            yield index, None
            continue
        cover = next((i for i, one in before if _covers(one, entry)), None)
        if cover is None:
            before.append((index, entry))
        else:
            yield index, cover


def _covers(one: PolicyEntry, other: PolicyEntry) -> bool:
    """Return whether an entry fits every pair that another does, for as long."""
    return (
        _is_within(other.source, one.source)
        and _is_within(other.destination, one.destination)
        and other.scopes <= one.scopes
        and one.ip_version in (None, other.ip_version)
        and (
            one.until is None or (other.until is not None and other.until <= one.until)
        )
    )


def _is_within(inner: Selector, outer: Selector) -> bool:
    keys = ("network", "container", "project", "service", "label")
    pairs = ((set(getattr(inner, key)), set(getattr(outer, key))) for key in keys)
    return all(not wide or (narrow and narrow <= wide) for narrow, wide in pairs)
