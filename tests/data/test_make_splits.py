"""Splits: no group is cut, shares are kept, the same seed gives the same split everywhere."""

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.data.camvid import read_camvid
from tessella.data.make_splits import (
    by_group,
    by_ratio,
    class_pixels,
    k_folds,
    stratified,
    temporal,
    write_split,
)
from tessella.data.splits import listed_names
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.sample import Sample

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
MADE = {"kind": "ratio", "seed": 0, "shares": SHARES}


def names_of(count: int) -> list[str]:
    return [f"n{index}" for index in range(count)]


def sizes(split: dict) -> dict[str, int]:
    return dict(Counter(split.values()))


@st.composite
def grouped(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Names, and groups of 1 to 9 of them, mixed up."""
    members = draw(st.lists(st.integers(1, 9), min_size=3, max_size=40))
    groups = [f"g{group}" for group, size in enumerate(members) for _ in range(size)]
    return names_of(len(groups)), draw(st.permutations(groups))


def pixels_of(names: list[str]) -> np.ndarray:
    return np.random.default_rng(len(names)).integers(0, 50, (len(names), 4))


MAKERS = {
    "by_ratio": by_ratio,
    "by_group": by_group,
    "stratified": lambda names, groups, **how: stratified(names, groups, pixels_of(names), **how),
}
each_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


# --- what holds for all of them -----------------------------------------------------------------


@each_maker
@given(grouped(), st.integers(0, 5))
def test_no_group_is_cut_and_no_name_lost(make, data: tuple, seed: int) -> None:
    names, groups = data
    split = make(names, groups, shares=SHARES, seed=seed)
    assert list(split) == names
    owners = defaultdict(set)
    for name, group in zip(names, groups, strict=True):
        owners[group].add(split[name])
    assert all(len(splits) == 1 for splits in owners.values())


@each_maker
@given(grouped())
def test_no_split_is_empty(make, data: tuple) -> None:
    assert set(make(*data, shares=SHARES).values()) == set(SHARES)


@pytest.mark.parametrize("make", [by_ratio, by_group])
@given(grouped(), st.integers(0, 5))
def test_shares_are_within_the_largest_groups_size(make, data: tuple, seed: int) -> None:
    names, groups = data
    largest = max(Counter(groups).values())
    held = sizes(make(names, groups, shares=SHARES, seed=seed))
    for part, share in SHARES.items():
        wanted = share * len(names)
        # above by less than one group; what two others have too much, the third lacks
        assert wanted - 2 * largest < held[part] < wanted + largest


@pytest.mark.parametrize("make", [by_ratio, by_group])
@given(grouped())
def test_the_order_of_the_samples_does_not_matter(make, data: tuple) -> None:
    names, groups = data
    turned = make(names[::-1], groups[::-1], shares=SHARES)
    assert turned == make(names, groups, shares=SHARES)


@given(grouped())
def test_the_order_of_the_samples_does_not_matter_to_classes(data: tuple) -> None:
    names, groups = data
    pixels = pixels_of(names)
    turned = stratified(names[::-1], groups[::-1], pixels[::-1], shares=SHARES)
    assert turned == stratified(names, groups, pixels, shares=SHARES)


@pytest.mark.parametrize("make", [by_ratio, by_group])
def test_another_seed_gives_another_split(make) -> None:
    names = names_of(60)
    splits = [make(names, names, shares=SHARES, seed=seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_the_seed_decides_between_samples_of_the_same_classes() -> None:
    names, pixels = names_of(60), np.ones((60, 2), np.int64)
    splits = [stratified(names, names, pixels, shares=SHARES, seed=seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_the_split_is_the_same_on_every_machine() -> None:
    # by hand: in the order of sha256("0:a"), ..., dealt to the split that lacks most:
    # lacking 3/3 (train first), 2/3, 2/2 (train), 1/2 (val), 1/1 (train), 0/1 (val)
    names = list("abcdef")
    order = sorted(names, key=lambda name: hashlib.sha256(f"0:{name}".encode()).hexdigest())
    expected = dict(zip(order, ["train", "val"] * 3, strict=True))
    assert by_ratio(names, names, shares={"train": 0.5, "val": 0.5}) == expected


@each_maker
def test_train_gets_the_rest_when_it_is_not_named(make) -> None:
    split = make(names_of(20), names_of(20), shares={"val": 0.25})
    assert set(split.values()) == {"train", "val"}


@each_maker
@pytest.mark.parametrize(
    ("shares", "what"),
    [
        ({"train": 0.7, "val": 0.2}, "shares are train 0.7, val 0.2, in sum 0.9; expected 1"),
        ({"train": 0.7, "val": 0.4}, "in sum 1.1; expected 1"),
        ({"val": 0.7, "test": 0.4}, "in sum 1.1; expected 1"),
        ({"train": 1.0, "val": 0.0}, "expected numbers above 0"),
        ({"train": 1.2, "val": -0.2}, "expected numbers above 0"),
        ({"train": float("nan")}, "expected numbers above 0"),
    ],
)
def test_shares_that_are_none_are_wrong_usage(make, shares: dict, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        make(names_of(20), names_of(20), shares=shares)


@each_maker
def test_more_splits_than_groups_are_wrong_usage(make) -> None:
    with pytest.raises(UsageError, match="2 groups cannot be dealt to 3 splits .train, val, test."):
        make(names_of(6), ["a", "a", "b", "b", "a", "b"], shares=SHARES)


@each_maker
@pytest.mark.parametrize(
    ("names", "groups", "what"),
    [
        ([], [], "there are no samples to split"),
        (["a", "b", "c"], ["a", "b"], "2 groups for 3 names; give one for each"),
        (["a", "b", "a"], ["a", "b", "c"], "name 'a' comes twice"),
    ],
)
def test_samples_that_cannot_be_told_apart_are_refused(make, names, groups, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make(names, groups, shares=SHARES)


# --- each of them -------------------------------------------------------------------------------


def test_single_images_are_dealt_exactly_by_ratio() -> None:
    assert sizes(by_ratio(names_of(100), names_of(100), shares=SHARES)) == {
        "train": 70,
        "val": 15,
        "test": 15,
    }


def test_by_group_comes_nearer_to_the_shares_than_chance() -> None:
    # 50, 30, 10, 10 of 100: the largest first gives 50 + 10, 30 + 10
    groups = ["a"] * 50 + ["b"] * 30 + ["c"] * 10 + ["d"] * 10
    split = by_group(names_of(100), groups, shares={"train": 0.6, "val": 0.4})
    assert sizes(split) == {"train": 60, "val": 40}


def test_a_small_share_of_few_groups_gets_the_smallest() -> None:
    groups = ["a"] * 6 + ["b"] * 5 + ["c"] * 4
    split = by_ratio(names_of(15), groups, shares={"train": 0.98, "val": 0.01, "test": 0.01})
    # train takes all three; val then the smallest of them, test the smaller of the other two
    assert sizes(split) == {"train": 6, "val": 4, "test": 5}


def test_rare_classes_are_spread_over_the_splits() -> None:
    names = names_of(400)
    rng = np.random.default_rng(0)
    pixels = np.zeros((400, 4), np.int64)
    pixels[:, 0] = rng.integers(500, 1000, 400)
    pixels[rng.choice(400, 120, replace=False), 1] = 100
    pixels[rng.choice(400, 40, replace=False), 2] = 30
    pixels[rng.choice(400, 8, replace=False), 3] = 5
    split = stratified(names, names, pixels, shares={"train": 0.5, "val": 0.25, "test": 0.25})
    for part, share in (("train", 0.5), ("val", 0.25), ("test", 0.25)):
        chosen = np.array([split[name] == part for name in names])
        np.testing.assert_allclose(pixels[chosen].sum(0) / pixels.sum(0), share, atol=0.03)
        assert (pixels[chosen, 3] > 0).sum() == share * 8
        assert abs(chosen.sum() - share * 400) <= 12


def test_a_class_in_one_group_only_does_not_break_the_rest() -> None:
    names = names_of(12)
    pixels = np.zeros((12, 3), np.int64)
    pixels[:, 0] = 10
    pixels[5, 1] = 3  # class 2 is nowhere
    split = stratified(names, names, pixels, shares={"train": 0.5, "val": 0.5})
    assert sizes(split) == {"train": 6, "val": 6}


@pytest.mark.parametrize("pixels", [np.ones((2, 3), np.int64), np.ones(3, np.int64)])
def test_counts_for_other_samples_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"class_pixels has shape .* for 3 names; give one row"):
        stratified(names_of(3), names_of(3), pixels, shares=SHARES)


def test_k_folds_validate_every_group_once() -> None:
    names = names_of(30)
    groups = [f"g{index % 7}" for index in range(30)]
    folds = k_folds(names, groups, k=3, seed=1)
    times = Counter(name for fold in folds for name, part in fold.items() if part == "val")
    assert times == dict.fromkeys(names, 1)
    for fold in folds:
        held = {group for name, group in zip(names, groups, strict=True) if fold[name] == "val"}
        rest = {group for name, group in zip(names, groups, strict=True) if fold[name] == "train"}
        assert not held & rest


def test_k_folds_are_of_nearly_one_size() -> None:
    folds = k_folds(names_of(10), names_of(10), k=3)
    assert sorted(sizes(fold)["val"] for fold in folds) == [3, 3, 4]


@pytest.mark.parametrize(
    ("k", "what"), [(1, "k is 1 folds; expected 2 or more"), (4, "3 groups cannot be dealt to 4")]
)
def test_impossible_folds_are_wrong_usage(k: int, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        k_folds(names_of(6), ["a", "b", "c"] * 2, k=k)


# --- in time ------------------------------------------------------------------------------------


def test_frames_are_cut_in_numeric_order_with_a_gap() -> None:
    names = [f"f_{number}" for number in (10, 9, 8, 11, 1, 2, 3, 4, 5, 6, 7)]
    split = temporal(names, ["v"] * 11, shares={"train": 0.5, "val": 0.5}, gap=1)
    # 10 frames are left for two blocks of 5; frame 6 is the gap
    train, val = ([f"f_{n}" for n in range(start, start + 5)] for start in (1, 7))
    assert [name for name in names if split[name] == "train"] == sorted(train, key=names.index)
    assert {name for name in names if split[name] == "val"} == set(val)
    assert split["f_6"] is None


def test_a_clip_is_cut_as_the_tutorial_meant_to() -> None:
    # S1-F06: 101 frames in order; S1-B06: and nothing left out at the cuts
    split = temporal(names_of(101), ["clip"] * 101, shares=SHARES, gap=2)
    blocks = [list(split.values()).index(part) for part in SHARES]
    # 97 frames: 67.9, 14.55, 14.55 -> 68, 15, 14
    assert sizes(split) == {"train": 68, "val": 15, "test": 14, None: 4}
    assert blocks == [0, 70, 87]


@given(st.lists(st.integers(15, 40), min_size=1, max_size=5), st.integers(0, 4), st.randoms())
def test_the_gap_is_kept_in_every_sequence(lengths: list[int], gap: int, random) -> None:
    samples = [(f"{group}_{n}", group) for group, size in enumerate(lengths) for n in range(size)]
    random.shuffle(samples)
    split = temporal(
        *zip(*[(name, f"{g}") for name, g in samples], strict=True), shares=SHARES, gap=gap
    )
    for group, length in enumerate(lengths):
        parts = [split[f"{group}_{n}"] for n in range(length)]
        blocks = [[n for n, part in enumerate(parts) if part == wanted] for wanted in SHARES]
        assert all(block == list(range(block[0], block[-1] + 1)) for block in blocks)
        assert [b[0] - a[-1] - 1 for a, b in zip(blocks, blocks[1:], strict=False)] == [gap] * 2
        assert (blocks[0][0], blocks[-1][-1]) == (0, length - 1)


def test_a_gap_too_large_names_the_group() -> None:
    with pytest.raises(ValueError, match="group 'b' has 6 frames, too few to cut into 3 splits"):
        temporal(names_of(26), ["a"] * 20 + ["b"] * 6, shares=SHARES, gap=2)


def test_a_negative_gap_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="gap is -1 frames; expected 0 or more"):
        temporal(names_of(20), ["a"] * 20, shares=SHARES, gap=-1)


# --- counting -----------------------------------------------------------------------------------


class Masks:
    """Masks in memory with an image to match."""

    labels = LabelMap.from_names(["a", "b", "c"])

    def __init__(self, *masks: list[int] | None) -> None:
        self.masks = masks
        self.names = self.groups = tuple(names_of(len(masks)))

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, index: int) -> Sample:
        given = self.masks[index]
        mask = None if given is None else np.array([given], np.uint8)
        return Sample(np.zeros((1, 4, 3), np.uint8), mask, self.names[index])


def test_pixels_are_counted_by_sample_and_class_without_ignored_ones() -> None:
    counted = class_pixels(Masks([0, 0, 2, 255], [2, 2, 2, 2]))
    assert counted.tolist() == [[2, 0, 1], [0, 0, 4]]
    assert counted.dtype == np.int64


def test_no_samples_have_no_rows() -> None:
    assert class_pixels(Masks()).shape == (0, 3)


def test_a_sample_without_mask_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="sample 'n1' has no mask, so its classes cannot be count"):
        class_pixels(Masks([0, 0, 0, 0], None))


def test_camvids_rare_classes_are_spread_evenly(real_data: Path) -> None:
    dataset = read_camvid(real_data / "camvid/mini", "train")
    pixels = class_pixels(dataset)
    split = stratified(dataset.names, dataset.names, pixels, shares={"train": 0.5, "val": 0.5})
    chosen = np.array([split[name] == "train" for name in dataset.names])
    share = pixels[chosen].sum(axis=0) / pixels.sum(axis=0)
    assert abs(chosen.sum() - 10) <= 1
    assert (np.abs(share - 0.5) < 0.2).all()  # 20 frames; one holds a fifth of all cyclists


# --- files --------------------------------------------------------------------------------------


def test_the_lists_are_what_the_reader_of_folders_reads(tmp_path: Path) -> None:
    names = ["a/b 1", "v1.5", "Straße", "x"]
    split = dict(zip(names, ["train", "val", "train", "test"], strict=True))
    write_split(tmp_path / "splits", split, made=MADE)
    read = {part: listed_names(tmp_path, part) for part in SHARES}
    assert read == {"train": ["a/b 1", "Straße"], "val": ["v1.5"], "test": ["x"]}


def test_the_document_says_how_it_was_made_and_what_it_holds(tmp_path: Path) -> None:
    path = write_split(tmp_path, {"a": "train", "b": "train", "c": "val", "d": None}, made=MADE)
    assert path == tmp_path / "split.json"
    assert json.loads(path.read_text()) == {
        **MADE,
        "splits": {
            "train": {"samples": 2, "sha256": hashlib.sha256(b"a\nb").hexdigest()},
            "val": {"samples": 1, "sha256": hashlib.sha256(b"c").hexdigest()},
        },
    }


def test_the_same_split_may_be_written_again(tmp_path: Path) -> None:
    for _ in range(2):
        write_split(tmp_path, {"a": "train", "b": "val"}, made=MADE)
    assert listed_names(tmp_path, "train") == ["a"]


@pytest.mark.parametrize("other", [{"a": "val", "b": "train"}, {"a": "train"}])
def test_another_split_is_not_overwritten(tmp_path: Path, other: dict[str, str]) -> None:
    write_split(tmp_path, {"a": "train", "b": "val"}, made=MADE)
    with pytest.raises(ValueError, match=r"holds another split \(train.txt, val.txt\); runs may"):
        write_split(tmp_path, other, made=MADE)
    assert listed_names(tmp_path, "train") == ["a"]
    assert listed_names(tmp_path, "val") == ["b"]


def test_another_split_is_replaced_whole_when_told(tmp_path: Path) -> None:
    write_split(tmp_path, {"a": "train", "b": "val", "c": "test"}, made=MADE)
    write_split(tmp_path, {"a": "val", "b": "train"}, made=MADE, replace=True)
    assert {path.name for path in tmp_path.iterdir()} == {"train.txt", "val.txt", "split.json"}
    assert listed_names(tmp_path, "train") == ["b"]


def test_a_split_that_no_reader_asks_for_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'vall'; did you mean 'val'"):
        write_split(tmp_path, {"a": "train", "b": "vall"}, made=MADE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [" a", "a\nb", "a.jpg", "a.PNG", "/a", "", "a\u2028b", "\ufeffa"])
def test_a_name_that_would_be_read_back_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a line of a list: it would be read back other"):
        write_split(tmp_path, {name: "train"}, made=MADE)
    assert not list(tmp_path.iterdir())
