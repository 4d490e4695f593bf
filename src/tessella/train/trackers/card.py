"""What trackers are told of a run besides its figures, and what they call it."""

import json
import math
from pathlib import Path
from typing import Any

from tessella.atomic import write_json
from tessella.model_place import CARD
from tessella.run import Run
from tessella.train.history import EpochRow


def facts(run: Run) -> dict[str, str]:
    """What a run was made by, with and on, by name; what is not known is left out."""
    environment = run.environment()
    project = environment.get("project") or {}
    known = {
        "run": str(run.path.absolute()),
        "command": environment.get("command"),
        "tessella": environment.get("versions", {}).get("tessella"),
        "commit": environment.get("commit"),
        "uncommitted_changes": environment.get("uncommitted_changes"),
        "project.commit": project.get("commit"),
        "project.uncommitted_changes": project.get("uncommitted_changes"),
        "device": environment.get("device"),
        **{
            f"data.{split}": told.get("content_sha256")
            for split, told in environment["splits"].items()
        },
    }
    return {name: _word(value) for name, value in known.items() if value is not None}


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def figures(row: EpochRow) -> dict[str, float]:
    """The figures of an epoch by name, without its number and without those that it has not."""
    return {
        name: value
        for name, value in row._asdict().items()
        if name != "epoch" and not math.isnan(value)
    }


def files(run: Run) -> list[Path]:
    """The files that say what a run is; no weights. Those that are there."""
    wanted = (run.recipe_file, run.environment_file, run.model_folder / CARD)
    return [path for path in wanted if path.is_file()]


def identity(run: Run, tracker: str) -> dict[str, Any]:
    """What was kept by `keep_identity`; nothing where the run is new to the tracker.

    Raises:
        ValueError: the file is damaged.
    """
    found = _all(run).get(tracker, {})
    return dict(found) if isinstance(found, dict) else {}


def keep_identity(run: Run, tracker: str, **values: str | int) -> None:
    """Keep in the run's folder by what a tracker will know it again."""
    write_json(run.trackers_file, {**_all(run), tracker: values})


def _all(run: Run) -> dict[str, Any]:
    if not run.trackers_file.is_file():
        return {}
    try:
        content = json.loads(run.trackers_file.read_text(encoding="utf-8"))
        return dict(content)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{run.trackers_file}: cannot be read ({error}); delete it, and new records begin."
        ) from error
