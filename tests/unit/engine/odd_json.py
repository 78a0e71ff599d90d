"""Recorded answers with some fields turned into something else."""

import copy

from hypothesis import strategies as st

from tests.fakes.engine import Raw

ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(
        ["", "0.0.0.0", "::", "fe80::1%eth0", "10.0.0.0/33", "container:", "host"]
    ),
    st.just([]),
    st.just({}),
    st.just([None, {"Id": []}]),
)

_ABSENT = object()


@st.composite
def mutated(draw: st.DrawFn, answer: Raw, changes: int = 4) -> Raw:
    """Draw an answer in which a few places are gone or hold an odd value."""
    found = copy.deepcopy(answer)
    for _ in range(draw(st.integers(1, changes))):
        place = draw(_places(found))
        if place is None:
            continue
        holder, key = place
        value = draw(st.one_of(ODD_VALUES, st.just(_ABSENT)))
        if value is _ABSENT:
            del holder[key]
        else:
            # A copy: a later change may go into it, and what is drawn must stay.
            holder[key] = copy.deepcopy(value)
    return found


@st.composite
def _places(draw: st.DrawFn, answer: Raw) -> tuple[Raw, Raw] | None:
    """Draw a place in an answer by walking down; None where there is none."""
    place = None
    current = answer
    while isinstance(current, dict | list) and current:
        keys = list(current) if isinstance(current, dict) else range(len(current))
        key = draw(st.sampled_from(keys))
        place = (current, key)
        current = current[key]
        if draw(st.integers(0, 5)) == 0:
            break
    return place
