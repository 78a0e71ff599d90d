"""What the lab raises. A leaf: everything else in the lab may import it."""


class LabError(Exception):
    """The lab could not do its work; the text says what to do about it."""


class LabUnavailable(LabError):
    """This machine cannot run that part of the lab; the text is a skip's reason."""
