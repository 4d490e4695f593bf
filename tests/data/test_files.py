"""A folder and a zip of it are read alike."""

import multiprocessing
import os
import zipfile
from pathlib import Path

import pytest

from tessella.data import files
from tessella.errors import UsageError

CONTENT = {
    "top.txt": b"hello",
    "images/a.png": b"a" * 1000,
    "images/deep/b.png": b"b",
    "masks/a.png": b"m",
    ".DS_Store": b"x",
    "__MACOSX/images/._a.png": b"x",
    "images/.hidden.png": b"x",
}


def zip_of(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zip":
        return zip_of(tmp_path / "data.ZIP", CONTENT)
    for name, data in CONTENT.items():
        place = tmp_path / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return tmp_path / "data"


def test_all_visible_files_are_listed_in_order(root: Path) -> None:
    listed = [path.relative_to(root).as_posix() for path in files.files_below(root)]
    assert listed == ["images/a.png", "images/deep/b.png", "masks/a.png", "top.txt"]


def test_the_files_of_one_folder(root: Path) -> None:
    assert [path.name for path in files.files_in(root / "images")] == ["a.png"]
    assert [path.name for path in files.files_in(root)] == ["top.txt"]


def test_the_folders_of_one_folder(root: Path) -> None:
    assert [path.name for path in files.folders_in(root)] == ["images", "masks"]
    assert [path.name for path in files.folders_in(root / "images")] == ["deep"]


def test_what_is_a_file_and_what_a_folder(root: Path) -> None:
    assert files.is_folder(root)
    assert files.is_folder(root / "images")
    assert not files.is_file(root / "images")
    assert files.is_file(root / "images/a.png")
    assert not files.is_folder(root / "images/a.png")
    assert not files.is_file(root / "images/c.png")


def test_bytes_and_text_are_read(root: Path) -> None:
    assert files.read_bytes(root / "images/a.png") == b"a" * 1000
    assert files.read_text(root / "top.txt") == "hello"


def test_a_missing_file_is_an_os_error(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_bytes(root / "images/c.png")


def test_the_folder_with_the_markers_is_found(root: Path) -> None:
    assert files.home_of(root, ["images", "masks"]) == root
    assert files.home_of(root, ["deep/b.png"]) == root / "images"
    assert files.home_of(root, ["nothing"]) is None


def test_names_that_climb_out_of_a_zip_are_not_there(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"../../evil.png": b"x", "ok.png": b"x"})
    assert files.files_below(path) == [path / "ok.png"]


@pytest.mark.parametrize("written", ["/images/a.png", "./images//a.png", "images\\a.png"])
def test_names_that_other_programs_write_into_a_zip_are_the_plain_ones(
    tmp_path: Path, written: str
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = written
        archive.writestr(info, b"inside")
    assert files.files_below(path) == [path / "images" / "a.png"]
    assert files.read_bytes(path / "images" / "a.png") == b"inside"


def test_an_absolute_name_in_a_zip_does_not_lead_to_the_disk(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_bytes(b"outside")
    archive = zip_of(tmp_path / "a.zip", {outside.as_posix(): b"inside"})
    (found,) = files.files_below(archive)
    assert files.read_bytes(found) == b"inside"


def test_folders_written_by_a_windows_program_are_no_files(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"images\\": b"", "images\\a.png": b"a"})
    assert files.files_below(archive) == [archive / "images" / "a.png"]
    assert files.folders_in(archive) == [archive / "images"]


def in_directory(content: bytes, *, at: int, value: int) -> bytes:
    """A zip whose directory says another 16-bit value at that place of every entry."""
    changed = bytearray(content)
    entry = changed.find(b"PK\x01\x02")
    while entry >= 0:
        changed[entry + at : entry + at + 2] = value.to_bytes(2, "little")
        entry = changed.find(b"PK\x01\x02", entry + 4)
    return bytes(changed)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (6, 255),
        (8, 1),
        (8, 0x41),
        (10, 12),
        (10, 14),
        (10, 99),
        (24, 3),
        (42, 0xFFFF),
        (44, 0x7FFF),
    ],
    ids=[
        *("version", "encrypted", "strong encryption", "bzip2", "LZMA", "unknown method"),
        *("short size", "place", "far place"),
    ],
)
def test_a_zip_with_a_wrong_directory_is_an_error_that_names_it(
    tmp_path: Path, at: int, value: int
) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.txt": b"a" * 1000})
    path.write_bytes(in_directory(path.read_bytes(), at=at, value=value))
    with pytest.raises(ValueError, match="zip") as caught:
        files.read_bytes(path / "a.txt")
    assert str(caught.value).startswith(str(path))


def test_a_file_that_unpacks_to_a_hundred_times_its_size_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MAX_BYTES_OF_NOTHING", 10_000)
    archive = zip_of(tmp_path / "a.zip", {"a.png": bytes(10_001), "b.png": bytes(10_000)})
    assert len(files.read_bytes(archive / "b.png")) == 10_000
    with pytest.raises(ValueError, match=r"would unpack to 0\.0 GB, .* times what it takes"):
        files.read_bytes(archive / "a.png")


def test_the_one_folder_that_holds_it_all_is_looked_into(root: Path, tmp_path: Path) -> None:
    assert files.unwrapped(root) == root
    wrapped = zip_of(
        tmp_path / "w.zip", {f"mine/v1/{name}": data for name, data in CONTENT.items()}
    )
    assert files.unwrapped(wrapped) == wrapped / "mine" / "v1"


def test_a_folder_of_a_name_that_means_something_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "mine" / "train").mkdir(parents=True)
    assert files.unwrapped(tmp_path, except_into=("train", "val")) == tmp_path / "mine"


def test_a_folder_beside_a_file_does_not_hold_it_all(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"list.csv": b"x", "images/a.png": b"x"})
    assert files.unwrapped(archive) == archive


def test_an_empty_folder_holds_nothing_and_is_given_back(tmp_path: Path) -> None:
    assert files.unwrapped(tmp_path) == tmp_path


def test_a_damaged_zip_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ValueError, match=r"x\.zip: is not a zip that can be read"):
        files.files_below(path)


def test_a_damaged_file_in_a_zip_is_named(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"a.png": os.urandom(5000)})
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.zip/a\.png: cannot be read from the zip"):
        files.read_bytes(path / "a.png")


def test_a_zip_bomb_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10_000)
    path = zip_of(tmp_path / "x.zip", {"a.png": bytes(10_001)})
    with pytest.raises(ValueError, match=r"a\.png: would unpack to .* refused"):
        files.read_bytes(path / "a.png")


def test_a_link_to_the_folder_above_does_not_run_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "up").symlink_to(tmp_path)
    assert files.files_below(tmp_path) == [tmp_path / "a.png"]


def test_a_zip_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"a": b"1"})
    assert files.read_bytes(path / "a") == b"1"
    os.utime(zip_of(path, {"a": b"22"}), ns=(1, 1))
    assert files.read_bytes(path / "a") == b"22"


def _read(path: Path) -> int:
    return len(files.read_bytes(path))


def test_forked_workers_read_one_zip_at_once(tmp_path: Path) -> None:
    content = {f"{n}.bin": os.urandom(20_000 + n) for n in range(40)}
    path = zip_of(tmp_path / "x.zip", content)
    files.read_bytes(path / "0.bin")  # opened before the fork
    with multiprocessing.get_context("fork").Pool(3) as pool:
        sizes = pool.map(_read, [path / name for name in content], chunksize=1)
    assert sizes == [20_000 + n for n in range(40)]


def test_no_root_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="voc: no folder given"):
        files.existing_root("voc", None)


def test_a_tar_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "voc.tar").write_bytes(b"x")
    with pytest.raises(ValueError, match="unpack it first"):
        files.existing_root("voc", tmp_path / "voc.tar")


def test_a_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothere: there is no such folder"):
        files.existing_root("voc", tmp_path / "nothere")


def test_a_file_that_was_just_added_is_there(tmp_path: Path) -> None:
    """However fast one look follows another: what was listed once is not kept while it is new."""
    for number in range(50):
        (tmp_path / f"{number:02}.png").touch()
        assert len(files.files_in(tmp_path)) == number + 1


def test_an_old_folder_that_changes_is_listed_anew(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    os.utime(tmp_path, (1e9, 1e9))
    assert [path.name for path in files.files_in(tmp_path)] == ["a.png"]
    (tmp_path / "b.png").touch()
    (tmp_path / "inner").mkdir()
    assert [path.name for path in files.files_in(tmp_path)] == ["a.png", "b.png"]
    assert files.folders_in(tmp_path) == [tmp_path / "inner"]
