"""Which samples belong to train, val and test: lists in files, or a fixed share by hash."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tessella.data.files import is_file, read_text
from tessella.data.images import IMAGE_SUFFIXES
from tessella.errors import UsageError

SPLITS = ("train", "val", "test")


def listed_names(root: Path, split: str) -> list[str] | None:
    """Sample names in `SPLIT.txt` under `root` or `root/splits`, one a line; None without a list.

    A line may end in an image suffix, which is dropped. In lines of several columns that begin
    with an absolute path, as other tools write them, the first column counts.

    Raises:
        ValueError: a name is listed twice, or other splits have lists but this one has none.
    """
    for folder in (root, root / "splits"):
        path = folder / f"{split}.txt"
        if is_file(path):
            return _names_in(path)
        others = [other for other in SPLITS if is_file(folder / f"{other}.txt")]
        if others:
            raise ValueError(
                f"{folder}: has a list for {', '.join(others)} but no {path.name}; add it, one "
                "sample name a line."
            )
    return None


def read_lines(path: Path) -> list[str]:
    """The lines of a text file without blanks around them, empty ones left out.

    Raises:
        ValueError: the file is not UTF-8.
    """
    text = read_text(path)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _names_in(path: Path) -> list[str]:
    lines = read_lines(path)
    names = [_without_suffix(line.split()[0] if line[0] == "/" else line) for line in lines]
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{path}: lists {', '.join(repeated[:5])} more than once; once is enough.")
    return names


def _without_suffix(name: str) -> str:
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in IMAGE_SUFFIXES else name


def split_groups(groups: Iterable[str], *, val_share: float, test_share: float) -> dict[str, str]:
    """Group -> split when nothing else says it: the same for the same groups, on every machine.

    Groups are put in the order of their hash; the first go to test, the next to val. With three
    groups or more no split that was asked for stays empty, and train never does.

    Args:
        groups: repeats count once; all samples of a group land in one split.
        val_share: share of the groups in val, 0..1.
        test_share: share of the groups in test, 0..1.

    Raises:
        UsageError: the shares are no shares, or leave nothing to train on.
    """
    if not (0 <= val_share <= 1 and 0 <= test_share <= 1 and val_share + test_share < 1):
        raise UsageError(
            f"data.options: val_share is {val_share} and test_share is {test_share}; expected "
            "shares in 0..1 whose sum is below 1, for example 0.15 each."
        )
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(os.fsencode(group)).digest())
    least = 1 if len(ordered) >= 3 else 0
    spare = max(0, len(ordered) - 1)  # one is train's
    num_test = min(
        _num_groups(test_share, len(ordered), least=least),
        max(0, spare - (1 if val_share > 0 else 0)),
    )
    num_val = min(_num_groups(val_share, len(ordered), least=least), spare - num_test)
    parts = ["test"] * num_test + ["val"] * num_val
    parts += ["train"] * (len(ordered) - len(parts))
    return dict(zip(ordered, parts, strict=True))


def _num_groups(share: float, total: int, *, least: int) -> int:
    return max(least, round(share * total)) if share > 0 else 0
