"""Leaks: what two splits share is found by its kind, and what they do not share is not."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tessella.data.camvid import read_camvid
from tessella.data.images import decode_image, encode_jpeg
from tessella.data.leaks import Leak, Leaks, Place, find_leaks
from tessella.labels import LabelMap
from tessella.progress import silently
from tessella.sample import Sample


class Pictures:
    """A data set of images in memory that counts how often it is read."""

    labels = LabelMap.from_names(["thing"])

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        *,
        groups: Sequence[str] | None = None,
        official: bool = False,
    ) -> None:
        self.images = images
        self.names = tuple(images)
        self.groups = tuple(groups or images)
        self.official = official
        self.reads: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        self.reads[index] += 1
        return Sample(self.images[self.names[index]], None, self.names[index])


def picture(seed: int, *, height: int = 90, width: int = 120) -> np.ndarray:
    """Clouds of several sizes: detail everywhere, as in a photograph."""
    rng = np.random.default_rng(seed)
    clouds = np.zeros((height, width, 3), np.float32)
    for cells in (4, 8, 16, 32):
        noise = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        clouds += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 4 / cells**0.5
    return np.clip(128 + 20 * clouds, 0, 255).astype(np.uint8)


def photos(*seeds: int, name: str = "image_{:04}") -> dict[str, np.ndarray]:
    return {name.format(seed): picture(seed) for seed in seeds}


def video(
    numbers: Sequence[int], *, seed: int = 0, name: str = "clip_{:06}", step_px: int = 6
) -> dict[str, np.ndarray]:
    """A camera that moves past a wide view: what is below is closer and passes twice as fast."""
    far, close = (picture(seed + more, height=90, width=500).astype(np.int64) for more in (0, 50))
    rng = np.random.default_rng(seed)
    frames = {}
    for number in numbers:
        left = number * step_px
        view = np.concatenate([far[:60, left : left + 120], close[:30, 2 * left : 2 * left + 120]])
        noise = rng.integers(-2, 3, view.shape)
        frames[name.format(number)] = np.clip(view + noise, 0, 255).astype(np.uint8)
    return frames


def jpeg(image: np.ndarray) -> np.ndarray:
    return decode_image(encode_jpeg(image, quality=70), where="copy")


def kinds(leaks: Leaks) -> Counter[str]:
    return Counter(leak.kind for leak in leaks.found)


def pairs(leaks: Leaks) -> set[tuple[str, str]]:
    return {
        (f"{leak.first.split}/{leak.first.name}", f"{leak.second.split}/{leak.second.name}")
        for leak in leaks.found
    }


# --- what is one picture ------------------------------------------------------------------------


def test_splits_that_share_nothing_have_no_leak() -> None:
    leaks = find_leaks({"train": Pictures(photos(1, 2, 3, 4)), "val": Pictures(photos(5, 6, 7))})
    assert leaks.found == ()
    assert leaks.message() == "no sample is shared between the splits."


def test_without_suspicion_every_image_is_read_once() -> None:
    train, val = Pictures(photos(1, 2, 3)), Pictures(photos(4, 5))
    find_leaks({"train": train, "val": val})
    assert set(train.reads.values()) | set(val.reads.values()) == {1}


def test_equal_pixels_under_two_names_are_the_same() -> None:
    leaks = find_leaks(
        {"train": Pictures(photos(1, 2, 3)), "val": Pictures({"x": picture(2), "y": picture(9)})}
    )
    assert leaks.found == (
        Leak("same", Place("train", "image_0002"), Place("val", "x"), likeness=1.0, refused=True),
    )


def test_a_name_with_its_pixels_in_two_splits_is_one_file() -> None:
    # S2-B01: trained on lists that held most of the validation list too
    leaks = find_leaks({"train": Pictures(photos(1, 2, 3)), "val": Pictures(photos(2, 3, 4))})
    assert kinds(leaks) == {"name": 2}
    assert pairs(leaks) == {
        ("train/image_0002", "val/image_0002"),
        ("train/image_0003", "val/image_0003"),
    }


def test_a_split_given_twice_is_a_leak_of_every_sample() -> None:
    # S3-B01: the areas to validate on were those trained on
    split = Pictures(photos(1, 2, 3, 4, 5))
    assert kinds(find_leaks({"train": split, "val": split})) == {"name": 5}


def test_one_name_for_different_pictures_is_no_leak() -> None:
    # train/images/0001.png and val/images/0001.png
    val = {name: picture(seed) for seed, name in enumerate(photos(1, 2, 3), start=10)}
    assert find_leaks({"train": Pictures(photos(1, 2, 3)), "val": Pictures(val)}).found == ()


def test_a_copy_saved_anew_is_near() -> None:
    leaks = find_leaks(
        {"train": Pictures(photos(1, 2, 3)), "val": Pictures({"copy": jpeg(picture(3))})}
    )
    (leak,) = leaks.found
    assert (leak.kind, leak.first.name, leak.refused) == ("near", "image_0003", True)
    assert 0.99 < leak.likeness <= 1


def test_a_mirrored_copy_is_near_and_said_to_be_mirrored() -> None:
    val = Pictures({"copy": picture(3)[:, ::-1]})
    (leak,) = find_leaks({"train": Pictures(photos(1, 2, 3)), "val": val}).found
    assert (leak.kind, leak.first.name, leak.about) == ("near", "image_0003", "mirrored")


def test_copies_within_one_split_are_no_leak() -> None:
    train = {"a": picture(1), "b": picture(1), "c": jpeg(picture(1))}
    assert find_leaks({"train": Pictures(train), "val": Pictures(photos(2))}).found == ()


def test_one_train_image_with_two_copies_in_val_is_two_leaks() -> None:
    val = Pictures({"x": picture(1), "y": picture(1)})
    leaks = find_leaks({"train": Pictures(photos(1, 2)), "val": val})
    assert pairs(leaks) == {("train/image_0001", "val/x"), ("train/image_0001", "val/y")}


def test_all_pairs_of_splits_are_looked_at() -> None:
    splits = {
        "train": Pictures({"a": picture(1), "b": picture(2)}),
        "val": Pictures({"c": picture(2), "d": picture(3)}),
        "test": Pictures({"e": picture(3), "f": picture(1)}),
    }
    assert pairs(find_leaks(splits)) == {
        ("train/b", "val/c"),
        ("val/d", "test/e"),
        ("train/a", "test/f"),
    }


@pytest.mark.parametrize("splits", [{}, {"train": Pictures(photos(1, 2))}])
def test_fewer_than_two_splits_have_no_leak(splits: dict[str, Pictures]) -> None:
    assert find_leaks(splits).found == ()


def test_an_image_that_cannot_be_read_is_the_readers_error() -> None:
    class Broken(Pictures):
        def __getitem__(self, index: int) -> Sample:
            raise ValueError("a.png: cannot read the image")

    with pytest.raises(ValueError, match=r"^a\.png: cannot read the image$"):
        find_leaks({"train": Broken(photos(1))})


# --- videos -------------------------------------------------------------------------------------


def test_a_video_cut_without_a_gap_leaks_at_the_cut() -> None:
    # S1-B06: adjacent frames on both sides of each cut
    splits = {
        "train": Pictures(video(range(14))),
        "val": Pictures(video(range(14, 20))),
        "test": Pictures(video(range(20, 26))),
    }
    leaks = find_leaks(splits)
    assert kinds(leaks) == {"neighbour": 2}
    assert pairs(leaks) == {
        ("train/clip_000013", "val/clip_000014"),
        ("val/clip_000019", "test/clip_000020"),
    }


@pytest.mark.parametrize("step", [1, 2])
def test_a_gap_of_one_frame_ends_the_leak(step: int) -> None:
    numbers = range(0, 26, step)
    splits = {"train": numbers[:8], "val": numbers[9:]}
    found = find_leaks({split: Pictures(video(part)) for split, part in splits.items()})
    assert found.found == ()


def test_frames_dealt_at_random_leak_everywhere() -> None:
    val = [3, 8, 14, 15, 21]
    train = [number for number in range(26) if number not in val]
    leaks = find_leaks({"train": Pictures(video(train)), "val": Pictures(video(val))})
    # beside each of 3, 8 and 21 two frames of train, beside 14 and 15 one each
    assert kinds(leaks) == {"neighbour": 8}
    assert all(leak.first.split == "train" for leak in leaks.found)


@pytest.mark.parametrize(
    "name", ["{}", "a/b/{:03}", "town_000000_{:06}_leftImg8bit", "Seq05VD_f{:05}", "v2 frame {}.x"]
)
def test_the_number_of_a_frame_is_found_in_its_name(name: str) -> None:
    train, val = (video(part, name=name) for part in (range(12), range(12, 24)))
    leaks = find_leaks({"train": Pictures(train), "val": Pictures(val)})
    assert pairs(leaks) == {(f"train/{name.format(11)}", f"val/{name.format(12)}")}


def test_frames_of_a_slow_camera_are_neighbours_and_not_copies() -> None:
    frames = video(range(24), step_px=1)
    train, val = ({name: frames[name] for name in list(frames)[i::2]} for i in range(2))
    leaks = find_leaks({"train": Pictures(train), "val": Pictures(val)})
    # each frame of val lies between two of train; the last has but one beside it
    assert kinds(leaks) == {"neighbour": 23}


def test_numbered_photographs_are_no_video() -> None:
    train = photos(*range(1, 30, 2))
    val = photos(*range(2, 30, 2))
    assert find_leaks({"train": Pictures(train), "val": Pictures(val)}).found == ()


def test_numbered_photographs_of_one_layout_are_no_video() -> None:
    # faces, X-rays, products: all alike, yet the next is no more alike than any other
    layout = picture(0).astype(np.int64)
    images = {
        f"image_{n:04}": np.clip(layout + (picture(n).astype(np.int64) - 128) // 6, 0, 255)
        for n in range(1, 31)
    }
    train, val = ({n: images[n].astype(np.uint8) for n in list(images)[i::2]} for i in range(2))
    assert find_leaks({"train": Pictures(train), "val": Pictures(val)}).found == ()


def test_two_videos_that_are_numbered_alike_are_not_mixed_up() -> None:
    train = video(range(12), seed=1, name="{:04}")
    val = video(range(12), seed=2, name="{:04}")
    assert find_leaks({"train": Pictures(train), "val": Pictures(val)}).found == ()


def test_frames_far_apart_in_number_are_no_neighbours() -> None:
    splits = {"train": Pictures(video(range(10))), "val": Pictures(video(range(16, 26)))}
    assert find_leaks(splits).found == ()


# --- groups -------------------------------------------------------------------------------------


def test_a_group_in_two_splits_is_a_leak() -> None:
    # S3-B07: frames of one building on both sides
    train = Pictures(photos(1, 2, 3), groups=["area 1", "area 1", "area 2"])
    val = Pictures(photos(4, 5), groups=["area 2", "area 3"])
    (leak,) = find_leaks({"train": train, "val": val}).found
    assert (leak.kind, leak.refused) == ("group", True)
    assert (leak.first.name, leak.second.name) == ("image_0003", "image_0004")
    assert leak.about == "group area 2: 1 and 1 samples"


def test_names_that_are_their_own_groups_are_no_groups() -> None:
    # a folder for each split, numbered alike, and nothing said about groups
    val = {name: picture(seed) for seed, name in enumerate(photos(1, 2), start=10)}
    assert find_leaks({"train": Pictures(photos(1, 2)), "val": Pictures(val)}).found == ()


def test_as_many_groups_as_names_may_still_be_groups() -> None:
    train = Pictures({"x": picture(1), "y": picture(2)}, groups=["g", "h"])
    val = Pictures({"x": picture(3), "y": picture(4)}, groups=["h", "g"])
    assert kinds(find_leaks({"train": train, "val": val})) == {"group": 2}


def test_one_clip_cut_in_time_with_a_gap_is_only_a_remark() -> None:
    train = Pictures(video(range(14)), groups=["clip"] * 14)
    val = Pictures(video(range(15, 26)), groups=["clip"] * 11)
    leaks = find_leaks({"train": train, "val": val})
    assert (leaks.refused, [leak.kind for leak in leaks.remarks]) == ((), ["group"])


def test_one_clip_cut_into_mixed_pieces_is_refused() -> None:
    numbers = [*range(5), *range(20, 26)]
    train = Pictures(video(numbers), groups=["clip"] * len(numbers))
    val = Pictures(video(range(7, 18)), groups=["clip"] * 11)
    assert [leak.kind for leak in find_leaks({"train": train, "val": val}).refused] == ["group"]


def test_one_group_of_photographs_without_numbers_is_refused() -> None:
    splits = {
        "train": Pictures({"a": picture(1), "b": picture(2)}, groups=["g", "g"]),
        "val": Pictures({"c": picture(3)}, groups=["g"]),
    }
    assert [leak.kind for leak in find_leaks(splits).refused] == ["group"]


# --- what is made of it -------------------------------------------------------------------------


def test_leaks_of_official_splits_are_remarks() -> None:
    train, val = (Pictures(photos(1, 2), official=True) for _ in range(2))
    leaks = find_leaks({"train": train, "val": val})
    assert (leaks.refused, len(leaks.remarks)) == ((), 2)
    assert "are kept as they are; mention it beside the score." in leaks.message()


def test_a_leak_into_a_split_made_here_is_refused() -> None:
    splits = {
        "train": Pictures(photos(1, 2), official=True),
        "val": Pictures(photos(2), official=True),
        "test": Pictures(photos(1)),
    }
    leaks = find_leaks(splits)
    assert [leak.second.split for leak in leaks.refused] == ["test"]
    assert [leak.second.split for leak in leaks.remarks] == ["val"]


def test_the_worst_come_first() -> None:
    train = Pictures(photos(1, 2, 3), groups=["g", "h", "i"])
    images = {"copy": jpeg(picture(1)), "image_0002": picture(2), "twin": picture(3)}
    val = Pictures(images, groups=["g", "g", "g"])
    leaks = find_leaks({"train": train, "val": val})
    assert [leak.kind for leak in leaks.found] == ["same", "name", "near", "group"]


def test_the_message_counts_names_three_pairs_and_says_what_to_do() -> None:
    val = {**photos(1, 2, 3), "copy": jpeg(picture(4))}
    message = find_leaks({"train": Pictures(photos(1, 2, 3, 4)), "val": Pictures(val)}).message()
    assert message.startswith(
        "the splits are not independent: 4 pairs: 3 with the same name and pixels, 1 that are "
        "copies"
    )
    assert "train/image_0001 and val/image_0001 (name, 1.00 alike); train/image_0002" in message
    assert "/copy" not in message  # the fourth
    for advice in ("tessella data split", "data.options.group_pattern", "data.allow_leak=true"):
        assert advice in message


def test_the_document_is_plain_json() -> None:
    splits = {"train": Pictures(photos(1, 2)), "val": Pictures(photos(2, 3))}
    document = json.loads(json.dumps(find_leaks(splits).document()))
    place = {"name": "image_0002"}
    assert document == {
        "refused": 1,
        "remarks": 0,
        "counts": {"name": 1},
        "leaks": [
            {
                "kind": "name",
                "first": {"split": "train", **place},
                "second": {"split": "val", **place},
                "likeness": 1.0,
                "refused": True,
                "about": "",
            }
        ],
    }


def test_progress_counts_every_image_and_every_suspect() -> None:
    seen: dict[str, int] = {}

    def track(items, *, about, total, size):  # noqa: ANN001, ANN202 - as Track
        seen[about] = seen.get(about, 0) + total
        return silently(items, about=about, total=total, size=size)

    splits = {"train": Pictures(photos(1, 2)), "val": Pictures({"x": picture(2), **photos(1)})}
    find_leaks(splits, track=track)
    assert seen == {"leaks": 4, "compare": 2}


# --- the real frames ----------------------------------------------------------------------------


def test_camvid_shares_its_sequences_between_official_splits(real_data: Path) -> None:
    root = real_data / "camvid/mini"
    leaks = find_leaks({split: read_camvid(root, split) for split in ("train", "val", "test")})
    assert leaks.refused == ()
    groups = {leak.about.split(":")[0] for leak in leaks.remarks if leak.kind == "group"}
    assert groups == {"group 0016E5", "group 0001TP"}  # as its SOURCE.md says
    assert not {"same", "name", "near"} & set(kinds(leaks))
