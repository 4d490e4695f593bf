"""File values to class indices and back: tables against one comparison a class, and the traps."""

import json
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessella.labels import Encoding, LabelMap, pack

ROAD = LabelMap.from_names(["road", "car"])
COLORED = LabelMap.from_colors(
    {"road": (128, 64, 128), "car": (0, 0, 142)}, ignore_colors=[(0, 0, 0)]
)


def rgb(*pixels: tuple[int, int, int]) -> np.ndarray:
    """One row of pixels."""
    return np.array([pixels], np.uint8)


def decode_by_comparison(labels: LabelMap, values: np.ndarray) -> np.ndarray:
    """The slow way: one comparison of the whole mask for each listed value."""
    mask = np.full(values.shape[:2], -1, np.int64)
    for value, index in labels.file_values:
        if labels.encoding == "index":
            hit = values == value
        else:
            hit = (values == (value >> 16, value >> 8 & 255, value & 255)).all(axis=-1)
        mask[hit] = index
    return mask


@st.composite
def label_maps(draw: st.DrawFn) -> LabelMap:
    """Maps with several values a class, ignored values, and values up to the encoding's end."""
    encoding: Encoding = draw(st.sampled_from(["index", "color", "code"]))
    top = 0xFFFF if encoding == "index" else 0xFFFFFF
    edges = st.sampled_from([0, 1, 254, 255, 256, 65535, top])
    values = draw(st.lists(st.integers(0, top) | edges, min_size=1, max_size=12, unique=True))
    num_ignored = draw(st.integers(0, len(values) - 1))
    listed = values[num_ignored:]
    num_classes = draw(st.integers(1, len(listed)))
    return LabelMap.from_values(
        {f"class {index}": listed[index::num_classes] for index in range(num_classes)},
        ignore_values=values[:num_ignored],
        encoding=encoding,
    )


@st.composite
def maps_with_masks(draw: st.DrawFn) -> tuple[LabelMap, np.ndarray]:
    labels = draw(label_maps())
    present = sorted({index for _, index in labels.file_values})
    height, width = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    flat = draw(
        st.lists(st.sampled_from(present), min_size=height * width, max_size=height * width)
    )
    return labels, np.array(flat, np.uint8).reshape(height, width)


@settings(max_examples=60, deadline=None)
@given(maps_with_masks())
def test_decoding_what_was_encoded_gives_the_mask_back(case: tuple[LabelMap, np.ndarray]) -> None:
    labels, mask = case
    decoded = labels.decode(labels.encode(mask), where="mask.png")
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, mask)


@settings(max_examples=40, deadline=None)
@given(labels=label_maps(), seed=st.integers(0, 999))
def test_decoding_agrees_with_one_comparison_for_each_listed_value(
    labels: LabelMap, seed: int
) -> None:
    listed = np.array([value for value, _ in labels.file_values])
    codes = np.random.default_rng(seed).choice(listed, size=(7, 9))
    values = codes.astype(np.uint16)
    if labels.encoding != "index":
        values = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8)
    np.testing.assert_array_equal(
        labels.decode(values, where="mask.png"), decode_by_comparison(labels, values)
    )


@settings(max_examples=25, deadline=None)
@given(labels=label_maps(), value=st.integers(0, 0xFFFF))
def test_a_value_is_decoded_exactly_when_it_is_listed(labels: LabelMap, value: int) -> None:
    values = np.array([[value]], np.uint16)
    if labels.encoding != "index":
        values = rgb((value >> 16, value >> 8 & 255, value & 255))
    if value in dict(labels.file_values):
        assert labels.decode(values, where="m")[0, 0] == dict(labels.file_values)[value]
    else:
        with pytest.raises(ValueError, match=r"^m: 100\.00% of the mask's pixels"):
            labels.decode(values, where="m")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint32])
def test_index_masks_of_any_whole_number_type_decode_alike(dtype: type) -> None:
    labels = LabelMap.from_values({"road": [7], "car": [26, 9]}, ignore_values=[0])
    values = np.array([[7, 26], [9, 0]], dtype)
    np.testing.assert_array_equal(labels.decode(values, where="m"), [[0, 1], [1, 255]])


def test_a_one_bit_mask_decodes_false_as_0_and_true_as_1() -> None:
    values = np.array([[True, False]])
    np.testing.assert_array_equal(ROAD.decode(values, where="m"), [[1, 0]])


def test_sixteen_bit_values_decode_and_encode() -> None:
    labels = LabelMap.from_values({"road": [300], "car": [65535]})
    values = labels.encode(np.array([[0, 1]], np.uint8))
    assert values.dtype == np.uint16
    np.testing.assert_array_equal(values, [[300, 65535]])
    np.testing.assert_array_equal(labels.decode(values, where="m"), [[0, 1]])


def test_codes_of_uint8_channels_do_not_overflow() -> None:
    # 2D-3D-S: code = R*65536 + G*256 + B; on uint8 arrays NumPy 2 raises or wraps (S3-B09)
    code = 200 * 65536 + 100 * 256 + 50
    labels = LabelMap.from_values({"wall": [code], "floor": [50]}, encoding="code")
    decoded = labels.decode(rgb((200, 100, 50), (0, 0, 50)), where="m")
    np.testing.assert_array_equal(decoded, [[0, 1]])


def test_codes_are_shown_as_single_numbers_in_the_error() -> None:
    labels = LabelMap.from_values({"wall": [50]}, encoding="code")
    with pytest.raises(ValueError, match=r"ignored: 13158450 \(100\.00%\)\. Listed are 50\."):
        labels.decode(rgb((200, 200, 50)), where="m")  # 200*65536 + 200*256 + 50


def test_colours_read_from_a_numpy_picture_pack_without_overflow() -> None:
    color = tuple(np.array([200, 100, 50], np.uint8))
    assert pack(color) == 0xC86432  # a NumPy uint8 shifted by 16 would be 0


@pytest.mark.parametrize("color", [(0, 0, 300), (-1, 0, 0), (0, 0), (0.5, 0, 0)])
def test_a_colour_out_of_range_is_refused_and_not_packed_into_another(
    color: tuple[int, int, int],
) -> None:
    with pytest.raises(ValueError, match=r"is not three whole numbers in 0\.\.255"):
        pack(color)


def test_an_ignored_colour_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"colour \(0, 0, 300\)"):
        LabelMap.from_colors({"road": (1, 1, 1)}, ignore_colors=[(0, 0, 300)])


def test_an_unknown_colour_is_an_error_with_file_value_and_share_and_never_class_0() -> None:
    # S1-B05: colours missing from the table became class 0
    values = rgb((128, 64, 128), (128, 64, 128), (0, 0, 142), (9, 8, 7))
    with pytest.raises(ValueError, match=r"^m\.png: 25\.00% of the mask's pixels") as caught:
        COLORED.decode(values, where="m.png")
    assert "neither a class nor ignored: (9, 8, 7) (25.00%)." in str(caught.value)
    assert "Listed are (128, 64, 128), (0, 0, 142), (0, 0, 0)." in str(caught.value)
    assert "Add them to the classes, or to the ignored values." in str(caught.value)


def test_one_stray_pixel_in_a_large_mask_is_not_rounded_to_no_share() -> None:
    values = np.zeros((200, 200), np.uint8)
    values[3, 4] = 77
    with pytest.raises(ValueError, match=r"77 \(under 0\.01%\)"):
        ROAD.decode(values, where="m")


def test_the_error_lists_the_six_most_frequent_unknown_values_first() -> None:
    # 9 pixels of 20, 8 of 21, ... 1 of 28; 45 pixels in all
    values = np.concatenate([np.full(9 - k, 20 + k) for k in range(9)])[None].astype(np.uint8)
    with pytest.raises(ValueError, match=r"20 \(20\.00%\), 21 \(17\.78%\), 22 .* and 3 more\."):
        ROAD.decode(values, where="m")


def test_void_is_ignored_and_no_further_class() -> None:
    # S0-B01: VOC's void (255) was trained and counted as a 22nd class
    voc = LabelMap.from_names([f"class {index}" for index in range(21)])
    mask = voc.decode(np.array([[0, 20, 255]], np.uint8), where="m")
    np.testing.assert_array_equal(mask, [[0, 20, 255]])
    assert voc.num_classes == 21
    assert voc.ignore_index == 255


def test_without_ignored_values_255_is_refused() -> None:
    labels = LabelMap.from_names(["road"], ignore_values=[])
    with pytest.raises(ValueError, match=r"255 \(100\.00%\)"):
        labels.decode(np.array([[255]], np.uint8), where="m")


@pytest.mark.parametrize(
    ("labels", "values", "part"),
    [
        (ROAD, rgb((0, 0, 0)), "m: mask has 3 channels, but its classes are given as single"),
        (ROAD, np.zeros((1, 1), np.float32), "m: mask values are float32; classes are whole"),
        (ROAD, np.array([[-1, 3]]), "m: mask values run from -1 to 3; class values must lie"),
        (ROAD, np.array([[70000]]), "m: mask values run from 70000 to 70000"),
        (COLORED, np.zeros((1, 1), np.uint8), r"m: mask is uint8 of shape (1, 1), but its"),
        (COLORED, np.zeros((1, 1, 4), np.uint8), "m: mask is uint8 of shape (1, 1, 4)"),
        (COLORED, np.zeros((1, 1, 3), np.uint16), "m: mask is uint16 of shape (1, 1, 3)"),
    ],
)
def test_a_mask_of_another_form_is_refused_with_what_it_is(
    labels: LabelMap, values: np.ndarray, part: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        labels.decode(values, where="m")
    assert str(caught.value).startswith(part)


def test_an_empty_mask_decodes_to_an_empty_mask() -> None:
    assert ROAD.decode(np.zeros((0, 5), np.uint8), where="m").shape == (0, 5)
    assert COLORED.decode(np.zeros((0, 5, 3), np.uint8), where="m").shape == (0, 5)


def test_decoding_a_view_that_is_not_contiguous_is_right() -> None:
    values = np.asarray(rgb((128, 64, 128), (0, 0, 142), (0, 0, 0))[:, ::-1])
    np.testing.assert_array_equal(COLORED.decode(values, where="m"), [[255, 1, 0]])


def test_a_class_with_several_values_is_encoded_as_its_first() -> None:
    labels = LabelMap.from_values({"road": [7, 3], "car": [5]}, ignore_values=[9, 1])
    np.testing.assert_array_equal(labels.encode(np.array([[0, 1, 255]], np.uint8)), [[7, 5, 9]])


def test_encoding_pixels_that_no_value_stands_for_is_refused() -> None:
    labels = LabelMap.from_names(["road", "car"], ignore_values=[])
    with pytest.raises(ValueError, match=r"no file value stands for mask values \[2, 255\]"):
        labels.encode(np.array([[0, 2, 255]], np.uint8))


def test_colorize_paints_classes_and_ignored_pixels_in_their_colours() -> None:
    labels = replace(COLORED, ignore_color=(9, 9, 9))
    picture = labels.colorize(np.array([[0, 1, 255]], np.uint8))
    np.testing.assert_array_equal(picture, [[(128, 64, 128), (0, 0, 142), (9, 9, 9)]])


def test_the_ignore_colour_is_none_of_the_classes_colours() -> None:
    # every colour that is tried first is taken
    taken = [(255, 255, 255), (0, 0, 0), (224, 224, 192), (1, 1, 1), (1, 2, 3)]
    labels = LabelMap.from_names([str(color) for color in taken], colors=taken)
    assert labels.ignore_color not in taken


def test_the_palette_holds_classes_then_black_then_the_ignore_colour() -> None:
    palette = COLORED.palette()
    assert len(palette) == 768
    assert palette[:6] == bytes([128, 64, 128, 0, 0, 142])
    assert palette[6:765] == bytes(759)
    assert palette[765:] == bytes([255, 255, 255])


def test_masks_that_we_write_hold_class_indices_and_255() -> None:
    written = COLORED.as_indices()
    mask = np.array([[0, 1, 255]], np.uint8)
    np.testing.assert_array_equal(written.encode(mask), mask)
    assert (written.names, written.colors) == (COLORED.names, COLORED.colors)
    assert written.encoding == "index"


@settings(max_examples=30, deadline=None)
@given(label_maps())
def test_a_map_survives_json(labels: LabelMap) -> None:
    assert LabelMap.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


def test_values_from_numpy_survive_json_too() -> None:
    labels = LabelMap.from_values(
        {"road": list(np.array([3, 4], np.uint8))}, colors=[tuple(np.array([1, 2, 3], np.uint8))]
    )
    assert LabelMap.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


@pytest.mark.parametrize("encoding", ["index", "color"])
def test_show_writes_a_value_as_a_person_would(encoding: Encoding) -> None:
    labels = LabelMap.from_values({"road": [0x0708]}, encoding=encoding)
    assert labels.show(0x0708) == {"index": "1800", "color": "(0, 7, 8)"}[encoding]


def test_254_classes_are_the_most() -> None:
    most = LabelMap.from_names([str(index) for index in range(254)])
    mask = np.arange(254, dtype=np.uint8)[None]
    np.testing.assert_array_equal(most.decode(mask, where="m"), mask)
    with pytest.raises(ValueError, match=r"1\.\.254 classes, got 255; merge classes"):
        LabelMap.from_names([str(index) for index in range(255)])


def plain_map(**changes: object) -> dict[str, object]:
    return {**LabelMap.from_names(["road", "car"]).to_dict(), **changes}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"names": []}, r"1\.\.254 classes, got 0"),
        ({"names": ["road", "road"]}, "class name listed more than once: road"),
        ({"names": ["road"]}, "1 class names but 2 colours; give each one"),
        ({"colors": [[0, 0, 0], [0, 0, 256]]}, r"colour \(0, 0, 256\) is not three whole"),
        ({"colors": [[0, 0, 0], [0, 0]]}, r"colour \(0, 0\) is not three whole numbers"),
        ({"ignore_color": [0, 0, 1.5]}, r"colour \(0, 0, 1\.5\) is not three whole numbers"),
        ({"ignore_index": 0}, "ignore_index is 0; it is 255 everywhere.*List the file's own"),
        ({"file_values": [[3, 0], [3, 1]]}, "file value listed more than once: 3"),
        ({"file_values": [[65536, 0]]}, r"file value 65536 is outside 0\.\.65535 \(index\)"),
        ({"file_values": [[-1, 0]]}, r"file value -1 is outside 0\.\.65535"),
        ({"file_values": [[7, 2]]}, r"value 7 maps to class 2, but classes are 0\.\.1 and 255"),
        ({"encoding": "rgb"}, "encoding is 'rgb'; expected index, color, code"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(changes: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        LabelMap.from_dict(plain_map(**changes))


def test_one_colour_for_two_classes_is_refused_where_files_hold_colours() -> None:
    with pytest.raises(ValueError, match=r"file value listed more than once: \(1, 1, 1\)"):
        LabelMap.from_colors({"road": (1, 1, 1), "car": (1, 1, 1)})


def test_a_value_that_is_a_class_and_ignored_is_refused() -> None:
    with pytest.raises(ValueError, match="file value listed more than once: 0"):
        LabelMap.from_names(["road"], ignore_values=[0])


def test_a_map_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ROAD.names = ("other",)  # type: ignore[misc]


def test_a_name_given_twice_is_refused_before_it_hides_a_class() -> None:
    with pytest.raises(ValueError, match="class name listed more than once: road"):
        LabelMap.from_names(["road", "car", "road"])
