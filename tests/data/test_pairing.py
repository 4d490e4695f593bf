"""Pairs by name: whatever the names and affixes, an image gets its own mask or none."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.data.pairing import Found, match, match_names, pattern_of


def found(
    stems: Sequence[str],
    *,
    folder: str = "images",
    split: str | None = None,
    dirs: tuple[str, ...] = (),
    suffix: str = ".png",
    rank: int = 0,
) -> list[Found]:
    where = Path(folder, split or "", *dirs)
    return [
        Found(
            path=where / f"{stem}{suffix}",
            split=split,
            dirs=dirs,
            hint="",
            stem=stem,
            cores=(),
            place=f"{folder}/",
            series=folder,
            rank=(rank, 0),
        )
        for stem in stems
    ]


def names(images: Sequence[Found], masks: Sequence[Found]) -> list[tuple[str, str]]:
    return [(pair.image.stem, pair.mask.stem) for pair in match(images, masks)[0]]


STEMS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=8),
    min_size=1,
    max_size=12,
    unique=True,
)
WORDS = st.text("abcdefgh", min_size=1, max_size=6)


@given(STEMS)
def test_equal_names_pair_whatever_they_are(stems: list[str]) -> None:
    pairs = names(found(stems), found(stems[::-1], folder="masks"))
    assert pairs == [(stem, stem) for stem in stems]


@given(STEMS, WORDS, WORDS, st.booleans())
def test_affixes_that_all_files_share_are_seen_through(
    cores: list[str],
    of_image: str,
    of_mask: str,
    is_head: bool,  # noqa: FBT001 - given by hypothesis
) -> None:
    def named(word: str) -> list[str]:
        return [f"{word}_{core}" if is_head else f"{core}_{word}" for core in cores]

    images, masks = named(of_image), named(of_mask)
    expected = dict(zip(images, masks, strict=True))
    # one alone shares everything with itself; of others no image ever gets another's mask
    for image, mask in names(found(images), found(masks, folder="masks")):
        assert expected[image] == mask


@given(st.sets(st.integers(0, 99_999), min_size=2, max_size=30), WORDS, WORDS)
def test_numbered_names_with_any_affixes_all_pair(
    numbers: set[int], of_image: str, of_mask: str
) -> None:
    images = [f"{number:05d}_{of_image}" for number in numbers]
    masks = [f"{number:05d}_{of_mask}" for number in numbers]
    pairs = names(found(images), found(masks, folder="masks"))
    assert pairs == list(zip(images, masks, strict=True))


@given(st.sets(st.integers(0, 9_999), min_size=1, max_size=30))
def test_numbers_pair_however_they_are_padded(numbers: set[int]) -> None:
    images, masks = [f"{n}" for n in numbers], [f"{n:06d}" for n in numbers]
    assert names(found(images), found(masks, folder="masks")) == list(
        zip(images, masks, strict=True)
    )


@given(STEMS, STEMS)
def test_no_mask_is_given_to_two_images(first: list[str], second: list[str]) -> None:
    pairs = names(found(first), found(second, folder="masks"))
    assert len({mask for _, mask in pairs}) == len({image for image, _ in pairs}) == len(pairs)


def test_what_most_names_do_not_share_does_not_pair_the_rest() -> None:
    # of three masks two would fit: too few to say that "_early" and "_zz" mean the same
    images, masks = ["a1_early", "a2_early", "a3_early"], ["a1_zz", "a2_zz", "b7_zz"]
    assert names(found(images), found(masks, folder="masks")) == []


def test_words_that_names_begin_with_are_not_cut_in_the_middle() -> None:
    images, masks = ["plana", "planb"], ["planta", "plantb"]
    assert names(found(images), found(masks, folder="masks")) == []


def test_the_better_rank_is_taken_and_the_other_passed_over() -> None:
    good, other = found(["a"], folder="masks"), found(["a"], folder="more", rank=1)
    matches, passed_over = match(found(["a"]), [*other, *good])
    assert [pair.mask for pair in matches] == good
    assert passed_over == other


def test_one_side_without_splits_or_folders_pairs_where_there_is_no_choice() -> None:
    images = [
        *found(["a"], split="train", dirs=("x",)),
        *found(["b"], split="val", dirs=("y",)),
        *found(["b"], split="test", dirs=("y",)),
    ]
    assert names(images, found(["a", "b"], folder="masks")) == [("a", "a")]


def test_many_images_of_one_name_are_given_up_at_once() -> None:
    images = [file for n in range(17) for file in found(["image"], dirs=(f"s{n}",))]
    assert names(images, found(["image"], folder="masks")) == []


def test_files_that_patterns_named_pair_by_the_whole_name_only() -> None:
    images = found(["1", "a", "b"])
    masks = found(["001", "a"], folder="masks")
    assert [pair.name for pair in match_names(images, masks)] == ["a"]


def test_a_mask_without_split_goes_with_each_split() -> None:
    images = [*found(["a"], split="train"), *found(["a"], split="val")]
    matches = match_names(images, found(["a"], folder="masks"))
    assert [(pair.image.split, pair.name) for pair in matches] == [("train", "a"), ("val", "a")]


def test_an_image_without_split_that_fits_masks_of_two_is_an_error() -> None:
    masks = [
        *found(["a"], folder="masks", split="train"),
        *found(["a"], folder="masks", split="test"),
    ]
    with pytest.raises(ValueError, match="2 masks fit it"):
        match_names(found(["a"]), masks)


def test_two_files_of_one_name_are_an_error() -> None:
    images = [*found(["a"], suffix=".png"), *found(["a"], suffix=".jpg")]
    with pytest.raises(ValueError, match=r"a\.png has the same name; .* Remove one"):
        match_names(images, [])


@pytest.mark.parametrize(
    ("stem", "name", "pattern"),
    [
        ("a_mask", "a", "images/{name}_mask.png"),
        ("mask_a", "a", "images/mask_{name}.png"),
        ("001", "1", "images/00{name}.png"),
        ("a", "b", "images/{name}.png"),
        ("image", "", "images/image.png"),
    ],
)
def test_a_pattern_has_name_where_the_name_stands(stem: str, name: str, pattern: str) -> None:
    assert pattern_of(found([stem])[0], name) == pattern
