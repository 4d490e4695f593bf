"""The one door to YAML 1.2: text to plain values that remember their line, and back."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tessella.errors import UsageError


@dataclass(frozen=True)
class Located:
    """Plain values of a YAML mapping, and where each key stood."""

    content: dict[str, Any]
    where: str
    lines: dict[tuple[str, ...], int]
    """Key path -> line, from 1."""

    def place(self, path: Sequence[str]) -> str:
        """'file.yaml:7' for the key at `path`, or for the nearest key above it that exists."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(tuple(path[:length])):
                return f"{self.where}:{line}"
        return self.where


def load_yaml(text: str, *, where: str) -> Located:
    """The mapping in a YAML text.

    Raises:
        UsageError: it is not YAML, has a key twice, or is not a mapping.
    """
    try:
        content = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        reason = (error.problem or error.context or "cannot be read").strip()
        raise UsageError(f"{where}{line}: {reason}.") from error
    except YAMLError as error:
        raise UsageError(f"{where}: not YAML: {error}.") from error
    if not isinstance(content, CommentedMap):
        raise UsageError(f"{where}: expected `key: value` lines, got {type(content).__name__}.")
    lines: dict[tuple[str, ...], int] = {}
    _note_lines(content, (), lines)
    return Located(_plain(content), where, lines)


def _note_lines(node: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            here = (*path, str(key))
            lines[here] = node.lc.key(key)[0] + 1
            _note_lines(value, here, lines)


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):  # ruamel's own kinds of number and text are subclasses
        if isinstance(node, kind):
            return kind(node)
    return node


def parse_scalar(text: str, *, where: str) -> Any:
    """One YAML value: 3, 0.5, true, null, [1, 2], {a: 1}, or else the text itself."""
    try:
        return _plain(YAML(typ="rt").load(text)) if text.strip() else None
    except YAMLError as error:
        raise UsageError(f"{where}: the value is not YAML; put it in quotes.") from error


def dump_yaml(content: Any) -> str:
    """Plain values as YAML text; short lists stay on one line, keys keep their order."""
    writer = YAML()
    writer.default_flow_style = None
    writer.width = 100
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()
