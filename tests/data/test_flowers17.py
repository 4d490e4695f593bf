"""Oxford 17 Flowers: the lists of one partition, and trimaps with a band that counts nowhere."""

import contextlib
import io
import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from tessella.data.flowers17 import ENTRY, read_flowers17
from tessella.errors import UsageError

BAND, FLOWER, LEAVES, OLIVE, SKY = (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)
UNNAMED = (128, 0, 128)
PALETTE = (BAND, FLOWER, LEAVES, OLIVE, SKY, UNNAMED)

# three partitions of photographs 1..6, each photograph in another list each time
LISTS: dict[str, list[int]] = dict(
    trn1=[5, 1, 3],
    val1=[2, 6],
    tst1=[4],
    trn2=[2, 4, 6],
    val2=[1, 3],
    tst2=[5],
    trn3=[1, 2, 4],
    val3=[5],
    tst3=[3, 6],
)


def write_lists(root: Path, lists: Mapping[str, object], *, compressed: bool = True) -> None:
    root.mkdir(parents=True, exist_ok=True)
    savemat(root / "datasplits.mat", dict(lists), do_compression=compressed)


def write_flowers(
    root: Path, *, trimaps: Sequence[int] = range(1, 7), mode: str = "P", height: int = 1
) -> Path:
    """Photographs 1..6 of 1x6 pixels; a trimap holds each colour of the palette once."""
    write_lists(root, {name: np.array([ids], float) for name, ids in LISTS.items()})
    (root / "jpg").mkdir()
    (root / "trimaps").mkdir()
    for number in range(1, 7):
        name = f"image_{number:04d}"
        Image.fromarray(np.full((1, 6, 3), 9, np.uint8)).save(root / f"jpg/{name}.jpg")
        if number in trimaps:
            trimap = Image.fromarray(np.tile(np.arange(6, dtype=np.uint8), (height, 1)))
            trimap.putpalette([part for color in PALETTE for part in color])
            trimap.convert(mode).save(root / f"trimaps/{name}.png")
    return root


# --- classes ------------------------------------------------------------------------------------


# S2-B03: the band, and every other colour than red, were background
@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_red_is_flower_olive_background_and_the_rest_ignored(tmp_path: Path, mode: str) -> None:
    dataset = read_flowers17(write_flowers(tmp_path, mode=mode), "test")
    assert dataset.labels.names == ("background", "flower")
    np.testing.assert_array_equal(dataset[0].mask, [[255, 1, 255, 0, 255, 255]])


def test_leaves_and_sky_can_be_background_but_the_band_stays_ignored(tmp_path: Path) -> None:
    mask = read_flowers17(write_flowers(tmp_path), "test", other="background")[0].mask
    np.testing.assert_array_equal(mask, [[255, 1, 0, 0, 0, 255]])


def test_a_smoothed_trimap_is_an_error_that_names_its_colours(tmp_path: Path) -> None:
    write_flowers(tmp_path)  # S2-B02: colours between two classes come from smooth resizing
    trimap = np.full((1, 6, 3), FLOWER, np.uint8)
    trimap[0, 0] = (64, 0, 0)
    Image.fromarray(trimap).save(tmp_path / "trimaps/image_0004.png")
    with pytest.raises(ValueError, match=r"image_0004\.png: 16\.67% .* \(64, 0, 0\)"):
        read_flowers17(tmp_path, "test")[0]


def test_a_trimap_of_another_size_than_its_photograph_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mask is 2x6 .* image_0004\.jpg is 1x6"):
        read_flowers17(write_flowers(tmp_path, height=2), "test")[0]


def test_an_unknown_other_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'class'.* Known: background, ignore"):
        read_flowers17(write_flowers(tmp_path), "test", other="class")  # type: ignore[arg-type]


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "key"), [("train", "trn"), ("val", "val"), ("test", "tst")])
@pytest.mark.parametrize("partition", [1, 2, 3])
def test_a_split_is_one_list_of_one_partition(
    tmp_path: Path, split: str, key: str, partition: int
) -> None:  # S2-B01: train was trn1, trn2 and trn3 together
    dataset = read_flowers17(write_flowers(tmp_path), split, partition=partition)
    assert dataset.names == tuple(f"image_{n:04d}" for n in LISTS[f"{key}{partition}"])
    assert dataset.official
    assert dataset.groups == dataset.names


@pytest.mark.parametrize("partition", [0, 4, -1])
def test_another_partition_is_wrong_usage(tmp_path: Path, partition: int) -> None:
    with pytest.raises(UsageError, match=rf"partition is {partition}; expected 1, 2 or 3"):
        read_flowers17(write_flowers(tmp_path), "train", partition=partition)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8", "i8"])
def test_lists_are_read_in_every_number_type(tmp_path: Path, dtype: str, compressed: bool) -> None:
    write_flowers(tmp_path)
    lists = {name: np.array([ids], dtype).T for name, ids in LISTS.items()}
    write_lists(tmp_path, lists, compressed=compressed)
    assert read_flowers17(tmp_path, "val").names == ("image_0002", "image_0006")


def test_variables_that_are_no_lists_are_passed_over(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    others = {"a": "text", "b": np.array([1, "x"], object), "c": {"d": 1}, "e": np.array([1j])}
    write_lists(tmp_path, {**others, **LISTS})
    assert read_flowers17(tmp_path, "test").names == ("image_0004",)


def test_a_list_of_complex_numbers_is_no_list(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    write_lists(tmp_path, {**LISTS, "trn1": np.array([1 + 2j])})
    with pytest.raises(ValueError, match="has no list trn1"):
        read_flowers17(tmp_path, "train")


def test_a_file_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    write_lists(tmp_path, {**LISTS, "z": np.zeros(1 << 22)})  # 32 MB, all zero
    with pytest.raises(ValueError, match="a variable is cut short or of over 16777216 bytes"):
        read_flowers17(tmp_path, "train")


def big_endian(lists: Mapping[str, Sequence[int]]) -> bytes:
    """A MAT-file as a big-endian machine writes it: each list a 1xN matrix of doubles."""

    def element(kind: int, data: bytes) -> bytes:
        return np.array([kind, len(data)], ">u4").tobytes() + data + bytes(-len(data) % 8)

    content = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    for name, ids in lists.items():
        flags = element(6, np.array([6, 0], ">u4").tobytes())
        sizes = element(5, np.array([1, len(ids)], ">i4").tobytes())
        values = element(9, np.array(ids, ">f8").tobytes())
        content += element(14, flags + sizes + element(1, name.encode()) + values)
    return content


def test_a_file_of_a_big_endian_machine_is_read(tmp_path: Path) -> None:
    content = big_endian(LISTS)
    assert loadmat(io.BytesIO(content))["trn1"].tolist() == [[5, 1, 3]]  # it is a MAT-file
    (write_flowers(tmp_path) / "datasplits.mat").write_bytes(content)
    assert read_flowers17(tmp_path, "train").names == ("image_0005", "image_0001", "image_0003")


@pytest.mark.parametrize("missing", ["trn1", "val1", "tst1"])
def test_a_missing_list_is_an_error_that_names_it(tmp_path: Path, missing: str) -> None:
    write_flowers(tmp_path)
    write_lists(tmp_path, {name: ids for name, ids in LISTS.items() if name != missing})
    with pytest.raises(ValueError, match=rf"datasplits\.mat: has no list {missing} \(there are"):
        read_flowers17(tmp_path, "train")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"val1": [2, 3]}, "photograph 3 is listed in trn1 and in val1"),
        ({"tst1": [5]}, "photograph 5 is listed in trn1 and in tst1"),
        ({"trn1": [1, 1]}, "photograph 1 is listed in trn1 and in trn1"),
        ({"val1": []}, "list val1 is empty"),
        ({"val1": [0]}, r"list val1 holds 0; expected numbers of photographs, 1\.\.1360"),
        ({"val1": [2.5]}, r"list val1 holds 2\.5"),
        ({"val1": [float("nan")]}, "list val1 holds nan"),
    ],
)
def test_lists_that_cannot_be_right_are_errors_in_every_split(
    tmp_path: Path, changed: Mapping[str, object], message: str
) -> None:
    write_flowers(tmp_path)
    write_lists(tmp_path, {**LISTS, **changed})
    with pytest.raises(ValueError, match=message):
        read_flowers17(tmp_path, "test")


def test_overlap_between_partitions_is_what_partitions_are(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    first = read_flowers17(tmp_path, "train", partition=1)
    second = read_flowers17(tmp_path, "val", partition=2)
    assert set(first.names) & set(second.names) == {"image_0001", "image_0003"}


@pytest.mark.parametrize(
    "content",
    [b"", b"not a MAT-file", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM", b"\x89HDF\r\n"],
    ids=["empty", "text", "version 7.3", "HDF5"],
)
def test_a_file_of_another_format_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (write_flowers(tmp_path) / "datasplits.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"datasplits\.mat: cannot read the lists \(it does not"):
        read_flowers17(tmp_path, "train")


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("percent", [1, 20, 40, 60, 80, 90, 98])
def test_a_file_cut_short_is_an_error(tmp_path: Path, percent: int, compressed: bool) -> None:
    write_flowers(tmp_path)
    write_lists(tmp_path, LISTS, compressed=compressed)
    path = tmp_path / "datasplits.mat"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * percent // 100])
    with pytest.raises(ValueError, match=r"datasplits\.mat: (cannot read|has no list)"):
        read_flowers17(tmp_path, "test", partition=3)


@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_byte_raises_a_value_error_if_anything(tmp_path: Path, seed: int) -> None:
    write_flowers(tmp_path)
    path = tmp_path / "datasplits.mat"
    content = path.read_bytes()
    random = np.random.default_rng(seed)
    for _ in range(100):
        damaged = bytearray(content)
        damaged[random.integers(128, len(content))] ^= random.integers(1, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):  # in a comment, say, a byte does no harm
            read_flowers17(tmp_path, "train")


# --- files --------------------------------------------------------------------------------------


def test_photographs_without_trimap_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:  # S2-F03, S2-B12
    write_flowers(tmp_path, trimaps=[1, 2, 4, 6])
    with caplog.at_level(logging.WARNING, "tessella.data.flowers17"):
        assert read_flowers17(tmp_path, "train").names == ("image_0001",)
    assert "2 of the 3 photographs listed for train have no trimap" in caplog.text


def test_nothing_is_said_where_every_photograph_has_a_trimap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_flowers17(write_flowers(tmp_path), "train")
    assert not caplog.records


def test_a_split_without_any_trimap_is_an_error(tmp_path: Path) -> None:
    write_flowers(tmp_path, trimaps=[1, 2])
    with pytest.raises(ValueError, match="none of the 1 photographs listed for test has a trimap"):
        read_flowers17(tmp_path, "test")


def test_a_listed_photograph_that_is_not_here_is_an_error(tmp_path: Path) -> None:
    (write_flowers(tmp_path) / "jpg/image_0003.jpg").unlink()
    with pytest.raises(ValueError, match=r"1 of the 3 photographs .* first image_0003\.jpg"):
        read_flowers17(tmp_path, "train")


@pytest.mark.parametrize("missing", ["jpg", "trimaps", "datasplits.mat"])
def test_a_missing_part_is_an_error_and_no_other_folder_is_taken(
    tmp_path: Path, missing: str
) -> None:
    root = write_flowers(tmp_path / "17flowers")
    (root / missing).rename(root / "images")
    with pytest.raises(ValueError, match="holds jpg, trimaps, datasplits.mat together"):
        read_flowers17(tmp_path, "train")


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    root = write_flowers(tmp_path / "flowers")
    with zipfile.ZipFile(tmp_path / "flowers.zip", "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    dataset = read_flowers17(tmp_path / "flowers.zip", "test")
    assert dataset.names == ("image_0004",)
    np.testing.assert_array_equal(dataset[0].mask, [[255, 1, 255, 0, 255, 255]])


def test_the_data_set_is_recognised(tmp_path: Path) -> None:
    assert ENTRY.is_at is not None
    assert not ENTRY.is_at(tmp_path)
    write_flowers(tmp_path / "flowers")
    assert ENTRY.is_at(tmp_path)


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'trian'; did you mean 'train'"):
        read_flowers17(tmp_path, "trian")


# --- real trimaps -------------------------------------------------------------------------------


@pytest.mark.parametrize("partition", [1, 2, 3])
@pytest.mark.parametrize(("split", "key"), [("train", "trn"), ("val", "val"), ("test", "tst")])
def test_lists_are_those_that_scipy_reads(
    real_data: Path, split: str, key: str, partition: int
) -> None:
    ids = loadmat(real_data / "flowers17/datasplits.mat")[f"{key}{partition}"].ravel()
    dataset = read_flowers17(real_data / "flowers17", split, partition=partition)
    assert dataset.names == tuple(f"image_{n:04d}" for n in ids)


def test_shares_of_flower_background_and_ignored_are_those_counted(real_data: Path) -> None:
    counts = np.zeros(256, np.int64)
    for split in ("train", "val", "test"):
        dataset = read_flowers17(real_data / "flowers17", split)
        for index in range(len(dataset)):
            counts += np.bincount(dataset[index].mask.ravel(), minlength=256)  # type: ignore[union-attr]
    # SOURCE.md there: 57.0 % olive; 25.7 % red; 13.3 % black, 3.2 % green and 0.9 % blue
    shares = counts[[0, 1, 255]] / counts.sum()
    # each of the five is rounded there to 0.1 %, so the sum of three may be off by 0.15 %
    np.testing.assert_allclose(shares, [0.570, 0.257, 0.174], atol=0.0015)
