"""The words for what was seen, and what they have in common."""

import pytest

from exporter.model.outcome import (
    KERNEL_REFUSALS,
    NOT_PROBED,
    Observation,
    Observed,
    Result,
    observed_of,
)

NOT_MEASURED = {
    Result.NEIGHBOUR_TABLE,
    Result.SEND_ERROR,
    Result.NETNS_ERROR,
    Result.PERMISSION_DENIED,
}


@pytest.mark.parametrize("result", Result)
def test_a_result_means_one_observation(result: Result) -> None:
    """One reply is reachable, a failure of ours is an error, all else unreachable."""
    special = {Result.OK: Observed.REACHABLE, Result.SKIPPED: Observed.NOT_PROBED}
    special |= dict.fromkeys(NOT_MEASURED, Observed.ERROR)

    assert special.get(result, Observed.UNREACHABLE) == observed_of(result)
    assert observed_of(result) == Observation(result=result).observed


@pytest.mark.parametrize("result", sorted(KERNEL_REFUSALS))
def test_what_the_kernel_refuses_is_measured(result: Result) -> None:
    """A path that the kernel does not have is seen, not a failure to look."""
    assert Observed.UNREACHABLE == observed_of(result)


def test_the_round_trip_time_is_the_least() -> None:
    """What delays one reply says nothing of the path; without a reply there is none."""
    assert 2e-5 == Observation(result=Result.OK, rtts_s=(3e-5, 2e-5, 4e-5)).rtt_s
    assert NOT_PROBED.rtt_s is None
