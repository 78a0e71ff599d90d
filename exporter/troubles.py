"""Which troubles last, so that each is said once and not with every cycle."""


class Troubles:
    """The troubles that have begun and not ended, by name."""

    def __init__(self) -> None:
        """Start with none."""
        self._lasting: set[str] = set()

    def enters(self, trouble: str) -> bool:
        """Take note that a trouble is there, and return whether it is new."""
        new = trouble not in self._lasting
        self._lasting.add(trouble)
        return new

    def leaves(self, trouble: str) -> None:
        """Take note that a trouble has ended, or never began."""
        self._lasting.discard(trouble)

    def __contains__(self, trouble: str) -> bool:
        """Return whether a trouble lasts."""
        return trouble in self._lasting
