"""A split that is made is the one that the reader then gives."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.folder import read_folder
from tessella.errors import UsageError
from tessella.source import Source
from tessella.split import Way, make_split

SPLITS = ("train", "val", "test")


def write_folder(root: Path, names: list[str], *, rare: tuple[str, ...] = ()) -> Path:
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for place, name in enumerate(names):
        mask = np.zeros((6, 8), np.uint8)
        mask[:2] = 2 if name in rare else 1
        noise = np.random.default_rng(place).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(noise).save(root / "images" / f"{name}.png")
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    (root / "classes.txt").write_text("ground\nplant\nstone\n")
    return root


def frames(count: int) -> list[str]:
    return [f"{video}_{number:03}" for video in "ab" for number in range(count // 2)]


@pytest.mark.parametrize("way", ["ratio", "stratified", "temporal"])
def test_the_reader_gives_the_split_that_was_made(tmp_path: Path, way: Way) -> None:
    root = write_folder(tmp_path / "d", frames(20))
    made = make_split(Source("folder", root), way=way, val_share=0.2, test_share=0.2, gap=0)
    assert {s: len(read_folder(root, s)) for s in SPLITS} == made.counts
    assert sum(made.counts.values()) == 20


def test_groups_are_kept_whole(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", [f"p{n % 5}_{n}" for n in range(20)])
    options = {"group_pattern": "^[^_]+"}
    make_split(Source("folder", root, options), way="group", val_share=0.2, test_share=0.2)
    groups = [set(read_folder(root, split, **options).groups) for split in SPLITS]
    assert [len(found) for found in groups] == [3, 1, 1]
    assert len(set.union(*groups)) == 5


def test_a_rare_class_is_in_every_split(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", frames(40), rare=tuple(frames(40)[::7]))
    make_split(Source("folder", root), way="stratified", val_share=0.2, test_share=0.2)
    datasets = [read_folder(root, split) for split in SPLITS]
    has_rare = [
        any((dataset[i].mask == 2).any() for i in range(len(dataset))) for dataset in datasets
    ]
    assert has_rare == [True, True, True]


def test_a_cut_in_time_leaves_a_gap_out_of_every_video(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", frames(40))
    made = make_split(Source("folder", root), way="temporal", val_share=0.2, test_share=0.2, gap=2)
    assert made.num_left_out == 8  # two videos, two cuts each, two frames a cut
    train, val = (read_folder(root, split).names for split in ("train", "val"))
    last = max(int(name[2:]) for name in train if name[0] == "a")
    assert min(int(name[2:]) for name in val if name[0] == "a") == last + 3


def test_the_split_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", frames(20))
    source = Source("folder", root)
    texts = []
    for seed, out in ((1, "x"), (1, "y"), (2, "z")):
        make_split(source, way="ratio", seed=seed, out=tmp_path / out)
        texts.append((tmp_path / out / "train.txt").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_how_it_was_made_is_written_beside_it(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", frames(20))
    made = make_split(Source("folder", root), way="temporal", gap=1)
    written = json.loads(made.file.read_text())
    assert (written["way"], written["gap"]) == ("temporal", 1)
    assert set(written["splits"]) == set(SPLITS)
    assert len(written["splits"]["train"]["sha256"]) == 64


def test_another_split_is_replaced_only_when_told(tmp_path: Path) -> None:
    source = Source("folder", write_folder(tmp_path / "d", frames(20)))
    make_split(source, way="ratio", seed=1)
    with pytest.raises(ValueError, match="holds another split"):
        make_split(source, way="ratio", seed=2)
    make_split(source, way="ratio", seed=2, replace=True)


def test_a_data_set_with_splits_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="camvid: comes with splits of its own"):
        make_split(Source("camvid", tmp_path), way="ratio")


def test_groups_must_be_stated_to_split_by_them(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "d", frames(20))
    with pytest.raises(UsageError, match="every sample is a group of its own"):
        make_split(Source("folder", root), way="group")


def test_an_unknown_way_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'time'.*temporal"):
        make_split(Source("folder", tmp_path), way="time")  # type: ignore[arg-type]
