"""Names survive restarts and are unique."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine import naming
from tests.engine.scene import COMPOSE, SWARM

GLOBAL = {
    "com.docker.swarm.service.name": "agent",
    "com.docker.swarm.task.id": "q8ffaqvv4ipzrfyhk6vwudrv1",
    "com.docker.swarm.task.name": (
        "agent.tkjm0j1s6qiqk6lr2vb5oyyid.q8ffaqvv4ipzrfyhk6vwudrv1"
    ),
}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, "raw", id="no labels: the engine's name"),
        pytest.param(COMPOSE, "shop-web-1", id="compose"),
        pytest.param(
            COMPOSE | {"com.docker.compose.oneoff": "True"}, "raw", id="compose run"
        ),
        pytest.param(
            {k: v for k, v in COMPOSE.items() if not k.endswith("number")},
            "raw",
            id="compose without a number",
        ),
        pytest.param(
            COMPOSE | {"com.docker.compose.project": "a\x1b[31m"},
            "raw",
            id="a project that compose would not make",
        ),
        pytest.param(
            COMPOSE | {"com.docker.compose.service": "x" * 200},
            "raw",
            id="a service longer than a name can be",
        ),
        pytest.param(SWARM, "api.2", id="swarm: the task id is cut"),
        pytest.param(GLOBAL, "agent.tkjm0j1s6qiq", id="swarm global: short node id"),
        pytest.param(
            SWARM | {"com.docker.swarm.task.id": "another"},
            "raw",
            id="swarm labels that do not agree",
        ),
    ],
)
def test_stable_names(labels: dict[str, str], expected: str) -> None:
    """Compose and swarm members are called by what their successors are called too."""
    assert expected == naming.stable_name("raw", labels)


def test_project_and_service_come_from_either() -> None:
    """A stack is swarm's project."""
    assert ("shop", "web") == (naming.project_of(COMPOSE), naming.service_of(COMPOSE))
    assert ("store", "api") == (naming.project_of(SWARM), naming.service_of(SWARM))
    assert (None, None) == (naming.project_of({}), naming.service_of({}))


def test_the_first_claim_keeps_the_plain_name() -> None:
    """Later ones get their short id, whatever it collides with."""
    claims = [
        (1, "web", "1" * 64),
        (2, "web", "2" * 64),
        (3, "web-222222222222", "3" * 64),
    ]

    assert {
        1: "web",
        2: "web-222222222222-",
        3: "web-222222222222",
    } == naming.unique_names(claims)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("12", max_size=14))))
def test_names_are_unique(claims: list[tuple[str, str]]) -> None:
    """Everybody gets a name, and nobody the same."""
    keyed = [(key, name, identity) for key, (name, identity) in enumerate(claims)]

    names = naming.unique_names(keyed)

    assert set(range(len(claims))) == set(names)
    assert len(claims) == len(set(names.values()))
