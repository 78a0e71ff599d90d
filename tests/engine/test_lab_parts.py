"""The parts of the lab that need no engine."""

from pathlib import Path

import pytest

from tests.lab.fixtures import MakePlainLab
from tests.lab.suites import debian_mirror


class TestPlainLab:
    """Namespaces without an engine."""

    def test_bridges_join_and_separate(self, netns_lab: MakePlainLab) -> None:
        """Both families reach the neighbour and the gateway, not the other bridge."""
        lab = netns_lab(containers=2, bridges=2)
        first, second = lab.bridges[0].containers
        stranger = lab.bridges[1].containers[0]

        def reaches(address: object) -> bool:
            ping = ["ping", "-c1", "-W1", str(address)]
            return first.namespace.run(ping, check=False).returncode == 0

        assert reaches(second.ipv4)
        assert reaches(second.ipv6)
        assert reaches(lab.bridges[0].ipv4)
        assert not reaches(stranger.ipv4)
        assert not reaches(stranger.ipv6)

    def test_closing_ends_the_namespaces(self, netns_lab: MakePlainLab) -> None:
        """A closed lab's path leads nowhere any more."""
        lab = netns_lab(containers=1)
        path = lab.containers[0].path

        lab.close()

        assert not Path(path).exists()


class TestMirror:
    """Where the lab's file systems come from: the machine's own package sources."""

    @pytest.mark.parametrize(
        ("sources", "mirror"),
        [
            pytest.param("deb http://a/ stable main\n", "http://a/", id="old"),
            pytest.param(
                "deb [arch=amd64 signed-by=/k] http://a/debian stable contrib main\n",
                "http://a/debian",
                id="old with options",
            ),
            pytest.param(
                "Types: deb\nURIs: http://a/debian http://b/\nComponents: main\n",
                "http://a/debian",
                id="new",
            ),
            pytest.param(
                "URIs: http://a/debian-security\n\nURIs: http://b/debian\n",
                "http://b/debian",
                id="security alone does not do",
            ),
            pytest.param("# deb http://a/debian stable main\n", None, id="comment"),
            pytest.param("deb-src http://a/debian stable main\n", None, id="source"),
            pytest.param("", None, id="nothing"),
        ],
    )
    def test_is_the_first_that_fits(self, sources: str, mirror: str | None) -> None:
        """Both notations are read; comments, sources and security are passed over."""
        assert mirror == debian_mirror(sources)
