"""Names in messages: the first few of many, and the closest known ones to one that is not."""

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The clause to append to an error about an unknown name, e.g. "; did you mean 'unet'?".

    Empty when nothing known is close.
    """
    lowered = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=2, cutoff=0.6)
    if not close:
        return ""
    return "; did you mean " + " or ".join(repr(lowered[c]) for c in close) + "?"


def unknown_name(kind: str, name: str, known: Iterable[str], *, most: int = 20) -> str:
    """The error line for a name missing from a table: what we got, what is close, what exists."""
    names = sorted(known)
    dots = f", ... ({len(names)} in all)" if len(names) > most else ""
    listed = ", ".join(names[:most]) + dots
    clue = did_you_mean(name, names) or "."
    return f"no {kind} is called {name!r}{clue} Known: {listed or 'none'}."


def some(names: Sequence[str], *, most: int = 5) -> str:
    """The first few of many names, for a message: "a, b, c, d, e, ..."."""
    return printable(", ".join(names[:most]) + (", ..." if len(names) > most else ""))


def printable(text: str) -> str:
    """The text without what no terminal and no file takes: bytes of names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
