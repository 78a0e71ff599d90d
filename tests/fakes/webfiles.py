"""Web configuration files of a test, and what is made of them."""

from pathlib import Path

from exporter.access import Access
from exporter.config.webfile import load_access, read_access


def written(folder: Path, text: str) -> Path:
    """Return a web configuration file beside the certificates."""
    path = folder / "web.yml"
    path.write_text(text)
    return path


def access(folder: Path, text: str) -> Access:
    """Return the rules of a file without problems."""
    return load_access(written(folder, text))


def problems(folder: Path, text: str) -> tuple[str, ...]:
    """Return the problems of a file, without its name."""
    path = written(folder, text)
    return tuple(
        one.removeprefix(f"{path}:").strip() for one in read_access(path).problems
    )
