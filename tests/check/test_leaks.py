"""Leaks are found from the check's one look, and told as problems."""

from pathlib import Path

import pytest

from tessella.check.evidence import Evidence
from tessella.check.findings import Findings
from tessella.check.leaks import Pictures, leak_problems, leaks_of
from tessella.check.observe import PairSeen, observe_image
from tessella.check.sheet import leak_sheet
from tessella.check.tally import Tally
from tessella.data.images import encode_png
from tessella.data.leaks import Leak, Leaks, Place
from tessella.data.pairs import Pair
from tessella.data.synthetic.scenes import read_drawn_scenes


def evidence(folder: Path, *places: tuple[str, str, int]) -> Evidence:
    """(split, name, number of the scene); a number below 0 is a file that could not be read."""
    scenes = read_drawn_scenes(None, "train", count=4, height=96, width=128)
    pairs: list[tuple[str, Pair]] = []
    for split, name, number in places:
        file = folder / f"{split}-{name}.png"
        file.write_bytes(encode_png(scenes[number].image) if number >= 0 else b"broken")
        pairs.append((split, Pair(file, None, name, name)))
    seen = [PairSeen(observe_image(pair.image), None, None, None) for _, pair in pairs]
    return Evidence(pairs, seen, Tally(), None, is_own_list=True)


def test_the_same_picture_in_two_splits_is_an_error(tmp_path: Path) -> None:
    found = evidence(tmp_path, ("train", "a", 0), ("train", "b", 1), ("val", "c", 0))
    leaks = leaks_of(found, official=False)
    (problem,) = leak_problems(leaks)
    assert (problem.kind, problem.severity, problem.count) == ("leak_same", "error", 1)
    assert problem.files == ("train/a = val/c",)
    assert "data.allow_leak=true" in problem.advice


def test_in_an_official_split_it_is_a_remark(tmp_path: Path) -> None:
    found = evidence(tmp_path, ("train", "a", 0), ("val", "c", 0))
    (problem,) = leak_problems(leaks_of(found, official=True))
    assert problem.severity == "remark"
    assert "mention it beside the score" in problem.advice


def test_unreadable_images_do_not_shift_the_names(tmp_path: Path) -> None:
    found = evidence(tmp_path, ("train", "broken", -1), ("train", "a", 0), ("val", "c", 0))
    (leak,) = leaks_of(found, official=False).found
    assert (leak.first.name, leak.second.name) == ("a", "c")


def test_without_splits_nothing_leaks(tmp_path: Path) -> None:
    assert (
        leaks_of(evidence(tmp_path, ("all", "a", 0), ("all", "b", 0)), official=False).found == ()
    )


def test_each_kind_is_told_once() -> None:
    leaks = tuple(
        Leak(kind, Place("train", f"{n}"), Place("val", f"v{n}"), 1.0, refused=True)
        for kind in ("near", "neighbour")
        for n in range(3)
    )
    problems = leak_problems(Leaks(leaks))
    assert [(p.kind, p.count) for p in problems] == [("leak_near", 3), ("leak_neighbour", 3)]
    assert "(3 times)" in problems[0].summary


def test_pictures_end_with_an_index_error(tmp_path: Path) -> None:
    pictures = Pictures([Pair(tmp_path / "a.png", None, "a", "g")], official=False)
    assert (pictures.names, pictures.groups, len(pictures)) == (("a",), ("g",), 1)
    with pytest.raises(IndexError):
        pictures[1]


def test_the_worst_pairs_are_drawn(tmp_path: Path) -> None:
    found = evidence(tmp_path, ("train", "a", 0), ("val", "c", 0))
    pairs = {split: tuple(p for s, p in found.pairs if s == split) for split in ("train", "val")}
    common = {"name": "folder", "reason": "", "problems": (), "labels": None, "is_proposed": False}
    counts = {"num_images": 2, "num_masks": 0, "num_samples": {"train": 1, "val": 1}}
    findings = Findings(
        **common,
        **counts,
        pairs=pairs,
        leaks=leaks_of(found, official=False),  # type: ignore[arg-type]
    )
    sheet = leak_sheet(findings)
    assert sheet is not None
    assert sheet.shape[1] > 500  # two pictures side by side
