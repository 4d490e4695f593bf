"""The run card: by what command, on what code, data and machine a run was made."""

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any

from tessella.report.words import flattened


def run_card(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What environment.json says, as (name, text) pairs in the order that a reader asks.

    What is not known is left out. Keys that are unknown here come last, as they are.

    Args:
        environment: as `tessella.run.write_beginnings` wrote it, now or in the past.
    """
    rest = {key: value for key, value in environment.items() if value is not None}
    versions, splits = _mapping(rest, "versions"), _mapping(rest, "splits")
    project = _mapping(rest, "project")
    pairs = [
        ("Command", rest.pop("command", None)),
        ("Begun", _moment(rest.pop("date", None))),
        *(("Resumed", _resumption(told)) for told in _sequence(rest, "resumed")),
        ("Tessella", _code(versions.pop("tessella", None), _commit(rest))),
        ("Your project", _code(project.pop("folder", None), _commit(project))),
        *((f"Data, {name}", _split(told)) for name, told in splits.items()),
        ("Seed", rest.pop("seed", None)),
        ("Device", _device(rest.pop("device", None), rest.pop("processes", 1))),
        ("Processor", _processor(rest.pop("processor", None), rest.pop("cores", None))),
        ("System", rest.pop("system", None)),
        ("Python", rest.pop("python", None)),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in versions.items())),
        *flattened(rest),
    ]
    return [(name, str(text)) for name, text in pairs if text not in (None, "")]


def _mapping(content: dict[str, Any], key: str) -> dict[str, Any]:
    """Take a mapping out; what else is there stays."""
    return dict(content.pop(key)) if isinstance(content.get(key), Mapping) else {}


def _sequence(content: dict[str, Any], key: str) -> list[Any]:
    return list(content.pop(key)) if isinstance(content.get(key), list) else []


def _resumption(told: Any) -> str:
    """When, by what command, and what was not as at the beginning."""
    if not isinstance(told, Mapping):
        return str(told)
    others = ", ".join(f"{key} {text}" for key, text in flattened(told) if key not in _BY_ITSELF)
    parts = (_moment(told.get("date")), told.get("command"), others and f"now {others}")
    return "; ".join(str(part) for part in parts if part)


_BY_ITSELF = ("date", "command")


def _moment(date: Any) -> Any:
    with contextlib.suppress(TypeError, ValueError):
        return (
            f"{datetime.datetime.fromisoformat(date).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
        )
    return date


def _commit(content: dict[str, Any]) -> str:
    commit, is_dirty = content.pop("commit", None), content.pop("uncommitted_changes", None)
    words = [f"commit {commit}"] if commit else []
    return " ".join([*words, *(["with uncommitted changes"] if is_dirty else [])])


def _code(what: Any, commit: str) -> str:
    return ", ".join(str(part) for part in (what, commit) if part)


def _split(told: Any) -> str:
    if not isinstance(told, Mapping):
        return str(told)
    words = {
        "samples": "{} images",
        "content_sha256": "content {}",
        "sha256": "names {}",
    }
    return "; ".join(text.format(told[key]) for key, text in words.items() if key in told)


def _device(device: Any, processes: Any) -> str:
    several = f"in {processes} processes" if processes != 1 else ""
    return ", ".join(str(part) for part in (device, several) if part)


def _processor(name: Any, cores: Any) -> str:
    return ", ".join(str(part) for part in (name, cores and f"{cores} cores") if part)
