"""Paths of the engine, as seen from here."""

import pytest

from exporter.netns import NetnsId, identity_is_weak, map_path

KEY = "/var/run/docker/netns/4b1c"


@pytest.mark.parametrize(
    ("path_map", "expected"),
    [
        pytest.param((), KEY, id="nothing mapped"),
        pytest.param((("/srv", "/x"),), KEY, id="another prefix"),
        pytest.param(
            (("/var/run", "/host/run"),), "/host/run/docker/netns/4b1c", id="map"
        ),
        pytest.param(
            (("/var/run/", "/h/"),), "/h/docker/netns/4b1c", id="with slashes"
        ),
        pytest.param((("/var/run/dock", "/x"),), KEY, id="half a name is no prefix"),
        pytest.param((("/", "/host"),), f"/host{KEY}", id="everything"),
        pytest.param(
            (("/var", "/a"), ("/var/run/docker/netns", "/n"), ("/var/run", "/b")),
            "/n/4b1c",
            id="the longest prefix wins",
        ),
        pytest.param(((KEY, "/one"),), "/one", id="one file"),
    ],
)
def test_map_path(path_map: tuple[tuple[str, str], ...], expected: str) -> None:
    """The longest prefix made of whole names is replaced, once."""
    assert expected == map_path(KEY, path_map)


def test_an_identity_says_how_good_it_is() -> None:
    """A cookie is for ever; what stands for an inode is weak."""
    assert not identity_is_weak(NetnsId(1))
    assert identity_is_weak(NetnsId(-1))
