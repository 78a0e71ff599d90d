"""How long the newest pieces of work took."""

from exporter.durations import Durations


def test_the_longest_of_the_newest_twenty() -> None:
    """One that is long ago says nothing any more."""
    durations = Durations()
    assert durations.longest_s == 0
    durations.add(9.0)
    for _ in range(19):
        durations.add(0.5)
    assert durations.longest_s == 9.0

    durations.add(0.25)
    assert durations.longest_s == 0.5
