"""Rules of the vocabulary of labels."""

from exporter.metrics import labels


def test_a_family_is_a_digit() -> None:
    """4 and 6, as text."""
    assert ["4", "6"] == [labels.ip_version(4), labels.ip_version(6)]


def test_a_flag_is_a_word() -> None:
    """As the engine's own JSON writes it."""
    assert ["true", "false"] == [labels.flag(True), labels.flag(False)]


def test_what_was_not_probed_is_no_result_of_a_probe() -> None:
    """`skipped` is never counted."""
    assert "skipped" not in labels.RESULT.values


def test_violations_have_two_kinds() -> None:
    """A promise can be broken in two ways."""
    expected = ("unexpected_reachable", "unexpected_unreachable")

    assert expected == labels.VIOLATION_KIND.values
