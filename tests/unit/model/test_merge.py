"""Two observations of one pair become one."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import Observation, Result
from exporter.model.verdict import merge

results = st.sampled_from(list(Result))


@given(results, results, st.integers(1, 5), st.integers(1, 5))
def test_any_valid_reply_is_proof(
    first: Result, second: Result, sent: int, more: int
) -> None:
    """Observations of one pair add up, and a reply outweighs what came after it."""
    before = Observation(
        result=first,
        sent=sent,
        received=sent - 1,
        duplicates=1,
        late=2,
        rtts_s=(1e-5,),
        resolved=("10.1.0.2", "10.1.0.4"),
    )
    after = Observation(
        result=second,
        sent=more,
        received=more - 1,
        duplicates=3,
        late=4,
        rtts_s=(2e-5,),
        resolved=("10.1.0.3", "10.1.0.2"),
    )

    assert Observation(
        result=Result.OK if Result.OK in (first, second) else second,
        sent=sent + more,
        received=sent + more - 2,
        duplicates=4,
        late=6,
        rtts_s=(1e-5, 2e-5),
        resolved=("10.1.0.2", "10.1.0.3", "10.1.0.4"),
    ) == merge(before, after)
