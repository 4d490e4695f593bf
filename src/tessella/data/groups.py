"""The group of each sample by its name: the video, building or patient that no split may cut."""

import re
from collections.abc import Sequence

from tessella.errors import UsageError
from tessella.suggestion import some


def groups_of(names: Sequence[str], pattern: str | None) -> list[str]:
    """The group of each name, in the same order.

    Args:
        names: of the samples.
        pattern: regular expression; what it matches in a name (or what its first pair of brackets
            matches) is the group. A name that it does not match is a group of its own; so is each
            name when this is None.

    Raises:
        UsageError: it is no regular expression, or matches none of the names.
    """
    if pattern is None:
        return list(names)
    try:
        form = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"data.options.group_pattern {pattern!r}: {error}.") from error
    matches = [form.search(name) for name in names]
    if names and not any(matches):
        raise UsageError(
            f"data.options.group_pattern {pattern!r} matches none of the names ({some(names)}); "
            "write what the names of one group share, for example '^[^_]+'."
        )
    which = 1 if form.groups else 0
    return [(m[which] or n) if m else n for n, m in zip(names, matches, strict=True)]
