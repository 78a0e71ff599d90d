"""Many pairs in few lines: who reaches whom, each of the one with each of the other."""

from collections.abc import Iterable, Iterator

from exporter.report.page import Line, Page, flowed, natural


def gathered(
    pairs: Iterable[tuple[str, str]], page: Page, *, indent: int = 4
) -> Iterator[Line]:
    """Yield pairs as sources and destinations.

    Sources stand together that have the very same destinations.

    Args:
        pairs: source and destination, as they are to be shown.
        page: what to write on.
        indent: cells before the first line; what follows it stands further in.
    """
    destinations: dict[str, list[str]] = {}
    for source, destination in pairs:
        destinations.setdefault(source, []).append(destination)
    alike: dict[tuple[str, ...], list[str]] = {}
    for source in sorted(destinations, key=natural):
        key = tuple(sorted(destinations[source], key=natural))
        alike.setdefault(key, []).append(source)
    for found, sources in alike.items():
        turn = f"{sources[-1]} {page.glyphs.to} {found[0]}"
        items = [*sources[:-1], turn, *found[1:]]
        yield from flowed(
            items, page.width, indent=" " * (indent + 4), first=" " * indent
        )
