"""Lists of names, and held-out shares that cut no group."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessella.data.splits import SPLITS, listed_names, read_lines, split_groups
from tessella.errors import UsageError


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "splits"])
def test_a_list_is_found_beside_the_images_or_in_splits(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder / "train.txt", "b\na\n")
    assert listed_names(tmp_path, "train") == ["b", "a"]


def test_without_lists_there_are_no_names(tmp_path: Path) -> None:
    assert listed_names(tmp_path, "train") is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("street_1", "street_1"),
        ("street_1.png", "street_1"),
        ("street_1.JPG", "street_1"),
        ("v1.2 final", "v1.2 final"),  # .2 final is no image ending
        ("cam a/0001.jpg", "cam a/0001"),
        ("  padded  ", "padded"),
        ("/data/train/0001.png /data/trainannot/0001.png", "/data/train/0001"),
    ],
)
def test_a_line_is_a_name_without_its_image_ending(tmp_path: Path, line: str, name: str) -> None:
    write(tmp_path / "val.txt", f"{line}\n\n")
    assert listed_names(tmp_path, "val") == [name]


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("a\r\nb\r\n", encoding="utf-8-sig")
    assert listed_names(tmp_path, "val") == ["a", "b"]


def test_a_list_of_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_bytes(b"a\nM\xfcnchen\n")
    with pytest.raises(ValueError, match="byte 3 is not UTF-8 text; save the file as UTF-8") as e:
        listed_names(tmp_path, "val")
    assert str(e.value).startswith(f"{tmp_path / 'val.txt'}: ")


def test_a_name_listed_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "val.txt", "a\nb\na.png\n")
    with pytest.raises(ValueError, match="lists a more than once; once is enough") as caught:
        listed_names(tmp_path, "val")
    assert str(caught.value).startswith(f"{tmp_path / 'val.txt'}: ")


@pytest.mark.parametrize("folder", ["", "splits"])
def test_a_list_missing_beside_others_is_an_error(tmp_path: Path, folder: str) -> None:
    write(tmp_path / folder / "train.txt", "a\n")
    write(tmp_path / folder / "test.txt", "b\n")
    with pytest.raises(ValueError, match="list for train, test but no val.txt; add it"):
        listed_names(tmp_path, "val")


def test_lines_are_stripped_and_empty_ones_left_out(tmp_path: Path) -> None:
    write(tmp_path / "names.txt", "\n a \n\nb c\n\n")
    assert read_lines(tmp_path / "names.txt") == ["a", "b c"]


# --- held-out shares ----------------------------------------------------------------------------

GROUPS = st.lists(st.text(max_size=4), max_size=40)
SHARES = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)).filter(lambda both: sum(both) < 1)


@settings(deadline=None)
@given(GROUPS, SHARES)
def test_every_group_is_in_exactly_one_split(
    groups: list[str], shares: tuple[float, float]
) -> None:
    parts = split_groups(groups, val_share=shares[0], test_share=shares[1])
    assert set(parts) == set(groups)
    assert set(parts.values()) <= set(SPLITS)


@settings(deadline=None)
@given(GROUPS, SHARES)
def test_with_three_groups_or_more_no_split_asked_for_is_empty(
    groups: list[str], shares: tuple[float, float]
) -> None:
    parts = split_groups(groups, val_share=shares[0], test_share=shares[1])
    wanted = {"train"} | ({"val"} if shares[0] > 0 else set())
    wanted |= {"test"} if shares[1] > 0 else set()
    if len(parts) >= 3:
        assert set(parts.values()) == wanted
    elif parts:
        assert "train" in parts.values()


@settings(deadline=None)
@given(GROUPS, SHARES, st.randoms())
def test_neither_order_nor_repeats_matter(
    groups: list[str], shares: tuple[float, float], random: object
) -> None:
    shuffled = [*groups, *groups]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (
        split_groups(listed, val_share=shares[0], test_share=shares[1])
        for listed in (groups, shuffled)
    )
    assert first == second


def test_shares_are_shares_of_the_groups() -> None:
    parts = split_groups([f"g{i}" for i in range(100)], val_share=0.2, test_share=0.1)
    counts = {split: list(parts.values()).count(split) for split in SPLITS}
    assert counts == {"train": 70, "val": 20, "test": 10}


def test_the_order_is_that_of_the_sha256_of_the_group() -> None:
    # sha256 of "a", "b", "c" begins ca97..., 3e23..., 2e7d... (FIPS 180-4; `printf a | sha256sum`),
    # so the order is c, b, a: the first is test, the next val
    parts = split_groups(["a", "b", "c"], val_share=0.15, test_share=0.15)
    assert parts == {"c": "test", "b": "val", "a": "train"}


@pytest.mark.parametrize(
    ("val_share", "test_share"),
    [(0.5, 0.5), (15, 0.15), (-0.1, 0.2), (0.2, -0.1), (0.15, 1.0), (float("nan"), 0.1)],
)
def test_shares_that_leave_nothing_to_train_on_are_refused(
    val_share: float, test_share: float
) -> None:
    with pytest.raises(UsageError, match=f"val_share is {val_share} and test_share is") as caught:
        split_groups(["a", "b", "c"], val_share=val_share, test_share=test_share)
    assert "sum is below 1" in str(caught.value)


def test_names_that_are_no_text_are_split_too() -> None:
    names = [f"img{number}\udcff" for number in range(10)]
    parts = split_groups(names, val_share=0.2, test_share=0.1)
    assert sorted(parts.values()) == ["test", *["train"] * 7, *["val"] * 2]
