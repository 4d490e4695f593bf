"""Reading and writing masks: every kind of file, by index and by colour."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tessella.data.images import (
    MaskFile,
    decode_image,
    decode_mask_file,
    encode_jpeg,
    encode_mask,
    encode_png,
    read_image,
    read_mask,
    read_mask_values,
    write_mask,
)
from tessella.labels import LabelMap

HEIGHT, WIDTH = 24, 40
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([COLUMNS * 6, ROWS * 10, (ROWS + COLUMNS) * 4], -1).astype(np.uint8)
GREY = (ROWS * 10 + COLUMNS % 10).astype(np.uint8)
INDICES = ((ROWS // 8) * 3 + COLUMNS // 14).astype(np.uint8)  # 0..8
ALPHA = (COLUMNS * 6).astype(np.uint8)  # from transparent to nearly opaque
OPAQUE = np.full_like(ALPHA, 255)

NINE = LabelMap.from_names([f"class {i}" for i in range(9)])


def tripled(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def palette_image(indices: np.ndarray) -> Image.Image:
    """Index i shows the colour (250 - 20 i, 10 i, 7)."""
    picture = Image.fromarray(indices)
    picture.putpalette([part for i in range(12) for part in (250 - 20 * i, 10 * i, 7)])
    return picture


def palette_colors(indices: np.ndarray) -> np.ndarray:
    wide = indices.astype(int)
    return np.stack([250 - 20 * wide, 10 * wide, np.full_like(wide, 7)], -1).astype(np.uint8)


def saved(path: Path, picture: Image.Image | np.ndarray, **options: object) -> Path:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(path, **options)
    return path


MASKS: dict[str, tuple[str, Image.Image | np.ndarray, dict[str, object]]] = {
    "grey PNG": (".png", INDICES, {}),
    "grey BMP": (".bmp", INDICES, {}),
    "grey TIFF": (".tif", INDICES, {}),
    "16-bit PNG": (".png", INDICES.astype(np.uint16), {}),
    "16-bit TIFF": (".tif", INDICES.astype(np.uint16), {}),
    "32-bit TIFF": (".tif", INDICES.astype(np.int32), {}),
    "palette PNG": (".png", palette_image(INDICES), {}),
    "4-bit palette PNG": (".png", palette_image(INDICES), {"bits": 4}),
    "palette GIF": (".gif", palette_image(INDICES), {}),
    "palette PNG with a transparent index": (".png", palette_image(INDICES), {"transparency": 0}),
    "grey as RGB": (".png", tripled(INDICES), {}),
    "grey as RGB in WebP": (".webp", tripled(INDICES), {"lossless": True}),
    "grey as opaque RGBA": (".png", np.dstack([tripled(INDICES), OPAQUE]), {}),
    "grey with opaque alpha": (".png", np.dstack([INDICES, OPAQUE]), {}),
}


@pytest.mark.parametrize("kind", MASKS)
def test_every_kind_of_mask_gives_its_indices(tmp_path: Path, kind: str) -> None:
    suffix, picture, options = MASKS[kind]
    mask = read_mask(saved(tmp_path / f"m{suffix}", picture, **options), NINE)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, INDICES)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_palette_indices_survive_bit_depths_below_a_byte(tmp_path: Path, bits: int) -> None:
    indices = (INDICES % min(9, 2**bits)).astype(np.uint8)
    path = saved(tmp_path / "m.png", palette_image(indices), bits=bits)
    assert path.read_bytes()[24] == bits  # the depth in the PNG header: the file is what we want
    np.testing.assert_array_equal(read_mask(path, NINE), indices)


def test_a_one_bit_mask_holds_the_classes_0_and_1(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", INDICES > 4)
    np.testing.assert_array_equal(
        read_mask(path, LabelMap.from_names(["below", "above"])), INDICES > 4
    )


def test_sixteen_bit_values_become_their_classes(tmp_path: Path) -> None:
    labels = LabelMap.from_values({"near": [7], "far": [26001]}, ignore_values=[65535])
    stored = np.array([[7, 26001, 65535]], np.uint16)
    np.testing.assert_array_equal(
        read_mask(saved(tmp_path / "m.png", stored), labels), [[0, 1, 255]]
    )


COLORS = LabelMap.from_colors(
    {f"class {i}": (250 - 20 * i, 10 * i, 7) for i in range(9)}, ignore_colors=[(255, 255, 255)]
)


@pytest.mark.parametrize(
    ("picture", "options"),
    [
        (palette_image(INDICES), {}),
        (palette_image(INDICES), {"bits": 4}),
        (palette_colors(INDICES), {}),
        (np.dstack([palette_colors(INDICES), OPAQUE]), {}),
    ],
    ids=["palette", "4-bit palette", "RGB", "opaque RGBA"],
)
def test_classes_given_as_colours_decode_colours(
    tmp_path: Path, picture: Image.Image | np.ndarray, options: dict[str, object]
) -> None:
    path = saved(tmp_path / "m.png", picture, **options)
    np.testing.assert_array_equal(read_mask(path, COLORS), INDICES)


def test_a_grey_mask_shows_its_greys_to_classes_given_as_colours(tmp_path: Path) -> None:
    labels = LabelMap.from_colors({"black": (0, 0, 0), "white": (255, 255, 255)})
    path = saved(tmp_path / "m.png", (INDICES > 4) * np.uint8(255))
    np.testing.assert_array_equal(read_mask(path, labels), INDICES > 4)


@pytest.mark.parametrize(
    "picture",
    [np.dstack([tripled(INDICES), ALPHA]), np.dstack([INDICES, ALPHA])],
    ids=["RGBA", "LA"],
)
def test_a_mask_with_transparent_pixels_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    path = saved(tmp_path / "m.png", picture)
    with pytest.raises(ValueError, match="transparent pixels.*without an alpha channel") as caught:
        read_mask(path, NINE)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_mask_of_another_colour_mode_is_refused_with_advice(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.tif", Image.fromarray(RGB).convert("CMYK"))
    with pytest.raises(ValueError, match="colour mode CMYK; save it as an 8-bit grey, palette"):
        read_mask(path, NINE)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_mask_with_16_bits_in_each_colour_is_refused_and_not_read_as_class_0(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"m{suffix}"
    cv2.imwrite(str(path), tripled(INDICES).astype(np.uint16))
    with pytest.raises(ValueError, match="16 bits in each of its channels; save it with 8 bits"):
        read_mask(path, NINE)


def test_an_unlisted_value_is_an_error_with_file_value_and_share(tmp_path: Path) -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[0, :3] = 9  # three of a hundred pixels
    path = saved(tmp_path / "m.png", mask)
    with pytest.raises(ValueError, match=r"3\.00%.*9 \(3\.00%\)") as caught:
        read_mask(path, NINE)
    assert str(caught.value).startswith(f"{path}: ")
    assert "JPEG" not in str(caught.value)


def test_a_jpeg_masks_error_advises_png(tmp_path: Path) -> None:
    smeared = INDICES * np.uint8(25)
    labels = LabelMap.from_values({f"{i}": [25 * i] for i in range(9)})
    path = saved(tmp_path / "m.jpg", smeared, quality=30)
    with pytest.raises(ValueError, match="JPEG changes mask values; masks need PNG"):
        read_mask(path, labels)


def test_mask_values_come_as_indices_or_as_colours_as_asked(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.png", palette_image(INDICES))
    np.testing.assert_array_equal(read_mask_values(path, wants_indices=True), INDICES)
    np.testing.assert_array_equal(
        read_mask_values(path, wants_indices=False), palette_colors(INDICES)
    )


# --- as the file holds it ------------------------------------------------------------------------


def file_of(picture: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> MaskFile:
    made = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    stream = io.BytesIO()
    made.save(stream, kind, **options)
    return decode_mask_file(stream.getvalue(), where="m")


def test_a_palette_file_gives_indices_and_the_colour_of_each() -> None:
    found = file_of(palette_image(INDICES))
    np.testing.assert_array_equal(found.values, INDICES)
    assert found.palette is not None
    np.testing.assert_array_equal(found.palette[INDICES], palette_colors(INDICES))
    assert (found.format, found.mode, found.alpha) == ("PNG", "P", "none")


@pytest.mark.parametrize("picture", [INDICES, tripled(INDICES), INDICES.astype(np.uint16)])
def test_other_files_give_their_values(picture: np.ndarray) -> None:
    found = file_of(picture)
    np.testing.assert_array_equal(found.values, picture)
    assert found.palette is None


def test_a_one_bit_file_gives_0_and_1() -> None:
    found = file_of(INDICES > 4)
    assert found.values.dtype == np.uint8
    np.testing.assert_array_equal(found.values, INDICES > 4)


def test_floating_point_values_are_kept() -> None:
    values = np.float32([[0.5, -1], [2, 300]])
    np.testing.assert_array_equal(file_of(values, "TIFF").values, values)


@pytest.mark.parametrize(("opacity", "alpha"), [(OPAQUE, "opaque"), (ALPHA, "transparent")])
@pytest.mark.parametrize("values", [INDICES, tripled(INDICES)], ids=["grey", "RGB"])
def test_transparency_is_told_and_taken_off(
    values: np.ndarray, opacity: np.ndarray, alpha: str
) -> None:
    found = file_of(np.dstack([values, opacity]))
    assert found.alpha == alpha
    np.testing.assert_array_equal(found.values, values)


def test_the_turn_of_a_file_is_told_and_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = file_of(INDICES, exif=exif)
    assert found.turn == 6
    assert found.size == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(found.values, np.rot90(INDICES, -1))


def test_sixteen_bits_a_channel_are_told() -> None:
    content = cv2.imencode(".png", tripled(INDICES).astype(np.uint16))[1].tobytes()
    assert decode_mask_file(content, where="m").is_deep


# --- writing ------------------------------------------------------------------------------------


def test_a_written_mask_reads_back_as_the_same_indices(tmp_path: Path) -> None:
    mask = INDICES.copy()
    mask[0] = 255
    write_mask(tmp_path / "m.png", mask, NINE)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", NINE.as_indices()), mask)


def test_a_written_mask_shows_each_class_in_its_colour(tmp_path: Path) -> None:
    mask = INDICES.copy()
    mask[0] = 255
    write_mask(tmp_path / "m.png", mask, COLORS)
    shown = np.asarray(Image.open(tmp_path / "m.png").convert("RGB"))
    expected = palette_colors(INDICES)
    expected[0] = COLORS.ignore_color
    np.testing.assert_array_equal(shown, expected)


def test_an_encoded_mask_is_a_palette_png() -> None:
    with Image.open(io.BytesIO(encode_mask(INDICES, NINE))) as opened:
        assert (opened.format, opened.mode) == ("PNG", "P")


@pytest.mark.parametrize("picture", [RGB, GREY], ids=["RGB", "grey"])
def test_an_encoded_png_holds_the_same_pixels(picture: np.ndarray) -> None:
    decoded = decode_image(encode_png(picture), where="png")
    np.testing.assert_array_equal(decoded, picture if picture.ndim == 3 else tripled(picture))


def test_a_jpeg_of_higher_quality_is_larger_and_nearer() -> None:
    small, large = (encode_jpeg(RGB, quality=quality) for quality in (20, 95))
    assert len(small) < len(large)
    far, near = (
        np.abs(decode_image(content, where="jpeg").astype(int) - RGB).mean()
        for content in (small, large)
    )
    assert near < far


def voc_color(index: int) -> tuple[int, int, int]:
    """The VOC palette, from its definition: the index's bits, three at a time, high bits first."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
    return (channels[0], channels[1], channels[2])


@pytest.mark.parametrize("name", ["2007_000033", "2007_000332", "2011_000003", "2010_005582"])
def test_voc_masks_mean_the_same_by_index_and_by_colour(real_data: Path, name: str) -> None:
    path = real_data / "voc/VOCdevkit/VOC2012/SegmentationClass" / f"{name}.png"
    names = [f"class {index}" for index in range(21)]
    by_index = read_mask(path, LabelMap.from_names(names))
    by_color = LabelMap.from_colors(
        {name: voc_color(index) for index, name in enumerate(names)},
        ignore_colors=[voc_color(255)],
    )
    np.testing.assert_array_equal(read_mask(path, by_color), by_index)
    assert len(np.unique(by_index)) > 1


@pytest.mark.parametrize("read", [lambda path: read_mask(path, NINE), read_image])
def test_a_turned_bit_in_any_byte_of_a_png_never_gives_other_pixels(
    tmp_path: Path, read: Callable[[Path], np.ndarray]
) -> None:
    # decoders stop at the last pixel and never look at the checksum behind it
    path = tmp_path / "mask.png"
    Image.fromarray(INDICES).save(path)
    content, right = path.read_bytes(), read(path)
    wrong = []
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):
            if not np.array_equal(read(path), right):
                wrong.append(place)
    assert wrong == []


@pytest.mark.parametrize("ending", ["tif", "gif"])
def test_a_file_of_several_pictures_is_no_mask(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mask.{ending}"
    pages = [Image.fromarray(INDICES + page) for page in range(3)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match=r"mask\.\w+: cannot read the mask \(it holds 3 pictures"):
        read_mask(path, NINE)
