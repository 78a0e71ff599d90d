"""What lasts is said once."""

from exporter.troubles import Troubles


def test_a_trouble_is_new_once_until_it_has_ended() -> None:
    """Then its return is news again."""
    troubles = Troubles()

    assert troubles.enters("engine")
    assert not troubles.enters("engine")
    assert "engine" in troubles
    troubles.leaves("engine")
    assert "engine" not in troubles
    assert troubles.enters("engine")


def test_troubles_do_not_know_each_other() -> None:
    """The end of one that never began changes nothing."""
    troubles = Troubles()
    troubles.enters("engine")
    troubles.leaves("stream")

    assert not troubles.enters("engine")
