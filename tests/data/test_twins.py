"""Twins: none within 15 bits is missed, crowds stay small, and pixels have the last word."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessella.data.camvid import read_camvid
from tessella.data.fingerprint import HEIGHT, WIDTH, Fingerprint, fingerprint
from tessella.data.images import decode_image, encode_jpeg, read_image
from tessella.data.synthetic.scenes import draw_scene
from tessella.data.twins import Twin, confirm, find_twins


def picture(seed: int, *, height: int = 240, width: int = 320) -> np.ndarray:
    """Clouds of several sizes: detail everywhere, as in a photograph."""
    rng = np.random.default_rng(seed)
    clouds = np.zeros((height, width, 3), np.float32)
    for cells in (4, 8, 16, 32):
        noise = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        clouds += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 4 / cells**0.5
    return np.clip(128 + 20 * clouds, 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, quality: int = 75) -> np.ndarray:
    return decode_image(encode_jpeg(image, quality=quality), where="copy")


def half(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def brighter(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.convertScaleAbs(image, alpha=1.05))


def cropped(image: np.ndarray) -> np.ndarray:
    rows, columns = round(image.shape[0] * 0.01), round(image.shape[1] * 0.01)
    return image[rows:-rows, columns:-columns]


def cut_off(image: np.ndarray) -> np.ndarray:
    return image[: -round(image.shape[0] * 0.02), : -round(image.shape[1] * 0.02)]


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG": lambda image: jpeg(image, 50),
    "half the size": half,
    "5 % brighter": brighter,
    "2 % cropped": cropped,
    "2 % cut off at two sides": cut_off,
    "all of it": lambda image: cropped(brighter(half(jpeg(image)))),
    "squeezed to a square": lambda image: np.asarray(cv2.resize(image, (256, 256))),
}


def random_prints(count: int, seed: int) -> list[Fingerprint]:
    rng = np.random.default_rng(seed)
    return [
        Fingerprint(rng.bytes(32), rng.bytes(HEIGHT * WIDTH))  # unlike real ones: unrelated bits
        for _ in range(count)
    ]


def turned(print_: Fingerprint, places: list[int]) -> Fingerprint:
    bits = int.from_bytes(print_.bits, "big")
    for place in places:
        bits ^= 1 << place
    return print_._replace(bits=bits.to_bytes(32, "big"))


# --- the search ---------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.lists(st.integers(0, 255), min_size=1, max_size=15, unique=True))
@settings(max_examples=60)
def test_any_two_within_15_bits_are_found(seed: int, places: list[int]) -> None:
    prints = random_prints(40, seed)
    prints.append(turned(prints[7], places))
    assert find_twins(prints) == [Twin(7, 40, 1.0, mirrored=False)]


def test_what_differs_in_more_than_64_bits_is_no_twin() -> None:
    (print_,) = random_prints(1, 0)
    assert find_twins([print_, turned(print_, list(range(65)))]) == []


def test_equal_bits_with_other_thumbnails_are_no_twins() -> None:
    first, second = random_prints(2, 0)
    assert find_twins([first, second._replace(bits=first.bits)]) == []


def test_the_search_finds_what_a_search_of_all_pairs_finds() -> None:
    images = [picture(seed) for seed in range(12)]
    prints = [fingerprint(copy(image)) for copy in (np.copy, *COPIES.values()) for image in images]
    expected = {(i, j) for i in range(len(prints)) for j in range(i) if i % 12 == j % 12}
    found = {(twin.second, twin.first) for twin in find_twins(prints) if not twin.mirrored}
    assert found == expected


def test_twins_come_in_order_each_once_and_the_first_first() -> None:
    prints = [fingerprint(copy(picture(s))) for copy in (np.copy, half, jpeg) for s in range(5)]
    twins = find_twins(prints)
    assert twins == sorted(set(twins))
    assert all(twin.first < twin.second for twin in twins)


def test_a_mirrored_copy_is_a_mirrored_twin() -> None:
    image = picture(0)
    twins = find_twins([fingerprint(picture(1)), fingerprint(image), fingerprint(image[:, ::-1])])
    assert [(t.first, t.second, t.mirrored) for t in twins] == [(1, 2, True)]


def test_a_symmetric_picture_is_no_twin_of_itself() -> None:
    left = picture(0)
    assert find_twins([fingerprint(np.concatenate([left, left[:, ::-1]], axis=1))]) == []


def test_of_many_equal_prints_each_has_the_first_as_its_twin() -> None:
    black = fingerprint(np.zeros((9, 9, 3), np.uint8))
    assert find_twins([black] * 3000) == [Twin(0, i, 1.0, mirrored=False) for i in range(1, 3000)]


def test_in_a_crowd_of_two_parts_everyone_has_a_twin_in_the_other() -> None:
    black = fingerprint(np.zeros((9, 9, 3), np.uint8))
    twins = [t for t in find_twins([black] * 500, parts=[0] * 300 + [1] * 200) if not t.mirrored]
    assert {twin.first for twin in twins} == set(range(300))
    assert {twin.second for twin in twins} == set(range(300, 500))
    assert len(twins) == 499


def test_a_crowd_of_nearly_equal_prints_gives_a_few_twins_each() -> None:
    rng = np.random.default_rng(0)
    still = picture(0, height=HEIGHT, width=WIDTH)[..., 0].astype(np.int64)
    frames = np.clip(still + rng.integers(-2, 3, (1500, HEIGHT, WIDTH)), 0, 255).astype(np.uint8)
    twins = find_twins([fingerprint(frame[..., None]) for frame in frames])
    # of 1.1 million pairs: at most 8 from each side, also mirrored
    assert len(twins) <= 1500 * 8 * 4
    assert {twin.second for twin in twins} >= set(range(1, 1500))


def test_only_pairs_of_different_parts_are_twins() -> None:
    prints = [fingerprint(copy(picture(0))) for copy in (np.copy, half, jpeg)]
    twins = find_twins(prints, parts=[0, 0, 1])
    assert [(twin.first, twin.second) for twin in twins] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_pair_there_are_no_twins(count: int) -> None:
    assert find_twins(random_prints(count, 0)) == []


def test_parts_for_other_prints_are_refused() -> None:
    with pytest.raises(ValueError, match="find_twins: 1 parts for 2 prints; give one for each"):
        find_twins(random_prints(2, 0), parts=[0])


# --- the pixels ---------------------------------------------------------------------------------


def test_equal_pixels_are_the_same() -> None:
    assert confirm(picture(0), picture(0)) == "same"


def test_one_pixel_more_is_near() -> None:
    other = picture(0)
    other[5, 5] ^= 1
    assert confirm(picture(0), other) == "near"


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("seed", range(3))
def test_copies_are_near(copy: str, seed: int) -> None:
    image = picture(seed)
    assert confirm(image, COPIES[copy](image)) == "near"


@pytest.mark.parametrize("copy", ["JPEG", "2 % cropped"])
def test_a_mirrored_view_is_compared_as_it_is_given(copy: str) -> None:
    image = picture(0)
    assert confirm(image[:, ::-1], COPIES[copy](image)) == "different"
    assert confirm(image[:, ::-1], COPIES[copy](image[:, ::-1])) == "near"


def test_another_picture_is_different() -> None:
    assert confirm(picture(0), picture(1)) == "different"


def test_another_thing_in_the_same_place_is_different() -> None:
    changed = picture(0)
    changed[100:160, 100:180] = picture(1)[100:160, 100:180]  # a sixteenth of the picture
    assert confirm(picture(0), changed) == "different"


def test_a_view_moved_by_a_quarter_is_different() -> None:
    wide = picture(0, width=400)
    assert confirm(wide[:, :320], wide[:, 80:]) == "different"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((0, 0, 0), (2, 2, 2), "near"),
        ((0, 0, 0), (255, 255, 255), "different"),
        # one luminance, 76: 0.299 * 255
        ((255, 0, 0), (76, 76, 76), "different"),
    ],
)
def test_plain_pictures_are_one_by_their_colour(
    first: tuple[int, int, int], second: tuple[int, int, int], verdict: str
) -> None:
    plain = [np.full((40, 50, 3), color, np.uint8) for color in (first, second)]
    assert confirm(*plain) == verdict


def test_a_plain_picture_is_not_like_one_with_things_in_it() -> None:
    assert confirm(np.full((240, 320, 3), 128, np.uint8), picture(0)) == "different"


def test_grey_is_near_to_itself_as_rgb() -> None:
    grey = picture(0)[..., :1]
    assert confirm(grey, np.repeat(grey, 3, axis=2)) == "near"


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        confirm(picture(0), np.zeros((0, 3, 3), np.uint8))


def test_drawn_scenes_are_different() -> None:
    scenes = [draw_scene(np.random.default_rng(seed), height=96, width=128)[0] for seed in range(8)]
    verdicts = {confirm(a, b) for i, a in enumerate(scenes) for b in scenes[:i]}
    assert verdicts == {"different"}


# --- real pictures ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip() -> list[np.ndarray]:
    """25 frames of 0016E5, each 2 after the one before: 1/15 s."""
    root = Path(__file__).parents[3] / "shared" / "data" / "camvid"
    if not root.is_dir():
        pytest.skip("the real data (shared/data beside the repository) is not here")
    return [read_image(pair.image) for pair in read_camvid(root, "val").pairs[:25]]


def test_frames_that_follow_one_another_are_different(clip: list[np.ndarray]) -> None:
    pairs = zip(clip, clip[1:], strict=False)
    assert {confirm(first, second) for first, second in pairs} == {"different"}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_of_frames_are_told_from_frames(clip: list[np.ndarray], copy: str) -> None:
    frames = clip[::6]
    copies = [COPIES[copy](frame) for frame in frames]
    verdicts = [confirm(frame, c) for frame, c in zip(frames, copies, strict=True)]
    assert verdicts == ["near"] * 5
    twins = find_twins([fingerprint(image) for image in (*frames, *copies)])
    assert {(i, i + 5) for i in range(5)} <= {(twin.first, twin.second) for twin in twins}


def test_frames_a_second_apart_are_different(real_data: Path) -> None:
    pairs = read_camvid(real_data / "camvid", "train").pairs[100:112]
    frames = [read_image(pair.image) for pair in pairs]
    verdicts = {confirm(a, b) for a, b in zip(frames, frames[1:], strict=False)}
    assert verdicts == {"different"}


def test_the_flowers_hold_four_daffodils_twice(real_data: Path) -> None:
    paths = sorted((real_data / "flowers17/jpg").glob("*.jpg"))
    images = [read_image(path) for path in paths]
    found = {
        (paths[twin.first].stem, paths[twin.second].stem)
        for twin in find_twins([fingerprint(image) for image in images])
        if confirm(images[twin.first], images[twin.second]) != "different"
    }
    # looked at: each is one photograph under two numbers
    assert found == {
        ("image_0014", "image_0048"),
        ("image_0028", "image_0051"),
        ("image_0031", "image_0063"),
        ("image_0033", "image_0046"),
    }
