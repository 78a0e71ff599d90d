"""Numbers and ages as people read them."""

from datetime import timedelta

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "promise"), counted(1200, "promise")
    ('1 promise', '1,200 promises')
    """
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def ago(age: timedelta) -> str:
    """Return an age in its largest unit, rounded down.

    >>> ago(timedelta(seconds=119)), ago(timedelta(days=2, hours=5))
    ('1 minute', '2 days')
    """
    seconds = max(0, int(age.total_seconds()))
    for length, name in _UNITS:
        if seconds >= length:
            return counted(seconds // length, name)
    return counted(0, "second")
