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
