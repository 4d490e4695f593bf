"""The one error that is not a plain ValueError: wrong usage, which ends with exit code 2."""


class UsageError(ValueError):
    """The request itself is wrong (an unknown name, key or option), not the data or the work."""
