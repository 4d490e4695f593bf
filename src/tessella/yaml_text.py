"""The one door to YAML 1.2: text to plain values that remember their line, and back."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from tessella.errors import UsageError


class _CoreConstructor(RoundTripConstructor):
    """YAML 1.2's core schema has no dates: 2024-05-01 is text, e.g. the name of a split."""


_CoreConstructor.add_constructor(
    "tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str
)


class _ReadableRepresenter(RoundTripRepresenter):
    """Writes only what reads back as it was."""

    def represent_text(self, text: str) -> ScalarNode:
        # bare, these would read as a mark of YAML or as a space
        style = '"' if re.search(r"^[?:]|\x85", text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_lines(self, mapping: dict[str, Any]) -> MappingNode:
        # one line a key: {...} would be folded inside of keys that hold a space
        return self.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=False)


_ReadableRepresenter.add_representer(str, _ReadableRepresenter.represent_text)
_ReadableRepresenter.add_representer(dict, _ReadableRepresenter.represent_lines)


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


# ruamel takes "._" and "-_" for numbers and then stumbles over them
_UNREADABLE = (YAMLError, ValueError, IndexError)


def load_yaml(text: str, *, where: str) -> Located:
    """The mapping in a YAML text.

    Raises:
        UsageError: it is not YAML, has a key twice, or is not a mapping.
    """
    try:
        content = _reader().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        reason = (error.problem or error.context or "cannot be read").strip()
        raise UsageError(f"{where}{line}: {reason}.") from error
    except _UNREADABLE as error:
        raise UsageError(f"{where}: not YAML: {error}.") from error
    if not isinstance(content, CommentedMap):
        kinds = {type(None): "nothing", CommentedSeq: "a list"}
        got = kinds.get(type(content), repr(content))
        raise UsageError(f"{where}: expected `key: value` lines, got {got}.")
    lines: dict[tuple[str, ...], int] = {}
    _note_lines(content, (), lines)
    return Located(_plain(content, where), where, lines)


def _reader() -> YAML:
    reader = YAML(typ="rt")
    reader.Constructor = _CoreConstructor
    return reader


def _note_lines(node: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            here = (*path, _key(key))
            # keys that came in by a merge (<<) have no place of their own
            if mark := (node.lc.data or {}).get(key):
                lines[here] = mark[0] + 1
            _note_lines(value, here, lines)


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key)


def _plain(node: Any, where: str) -> Any:
    if isinstance(node, CommentedMap):
        return {_key(key): _plain(value, where) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value, where) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):  # ruamel's own kinds of number and text are subclasses
        if isinstance(node, kind):
            return kind(node)
    raise UsageError(
        f"{where}: {node!r} comes from a YAML tag (!...); expected text, numbers, true, false, "
        "null, lists or mappings. Remove the tag."
    )


# path patterns of the folder reader are text, though YAML reads a leading brace as a mapping
_PATTERNS = ("{name}", "{split}")


def parse_scalar(text: str, *, where: str) -> Any:
    """One YAML value: 3, 0.5, true, null, [1, 2], {a: 1}, or else the text itself.

    Raises:
        UsageError: it is not YAML.
    """
    if not text.strip():
        return None
    if text.lstrip().startswith("#"):  # a colour, not a comment: nothing else stands before it
        return text.strip()
    if text.lstrip().startswith(_PATTERNS):
        return text.strip()
    try:
        return _plain(_reader().load(text), where)
    except _UNREADABLE as error:
        raise UsageError(f"{where}: the value is not YAML; put it in quotes.") from error


def dump_yaml(content: Any) -> str:
    """Plain values as YAML text; short lists stay on one line, keys keep their order."""
    writer = YAML()
    writer.Representer = _ReadableRepresenter
    writer.default_flow_style = None
    writer.width = 100
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()
