"""A list of images: which lines count, what they refer to, what their results are called."""

import os
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.predict.image_list import Found, ImageList, is_list


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names_in(path: Path) -> list[str]:
    return [found.name for found in ImageList(path)]


def test_a_path_is_relative_to_the_folder_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "data" / "list.txt", "photos/x.jpg\n")
    monkeypatch.chdir(tmp_path)
    assert list(ImageList(Path("data/list.txt"))) == [
        Found("photos/x", "data/photos/x.jpg", str(tmp_path / "data" / "photos" / "x.jpg"))
    ]


def test_blank_lines_and_comments_do_not_count(tmp_path: Path) -> None:
    assert names_in(write(tmp_path / "list.txt", "# mine\n\n a.png \n  \n#b.png\n./#c.png")) == [
        "a",
        "#c",
    ]


@pytest.mark.parametrize("content", [b"a.png\r\nb.png\r\n", b"\xef\xbb\xbfa.png\nb.png"])
def test_a_list_written_on_windows_is_read(tmp_path: Path, content: bytes) -> None:
    assert names_in(write(tmp_path / "list.txt", content)) == ["a", "b"]


def test_an_image_elsewhere_keeps_all_of_its_folders_in_its_name(tmp_path: Path) -> None:
    file = write(tmp_path / "lists" / "list.txt", "../photos/x.jpg\n/data/y.jpg\n")
    assert names_in(file) == [f"{tmp_path}/photos/x".lstrip("/"), "data/y"]


def test_no_name_leads_out_of_the_folder_of_the_results(tmp_path: Path) -> None:
    file = write(tmp_path / "list.txt", "../../../../../../../../x.jpg\na/../../y.jpg\n//z.jpg\n")
    assert not [name for name in names_in(file) if name.startswith("/") or ".." in name.split("/")]


def test_a_file_name_need_not_be_text(tmp_path: Path) -> None:
    [found] = ImageList(write(tmp_path / "list.txt", b"caf\xe9.png\n"))
    assert os.fsencode(found.absolute) == os.fsencode(tmp_path) + b"/caf\xe9.png"


def test_a_list_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "list.txt", "a.png\n".encode("utf-16"))
    with pytest.raises(UsageError, match=r"list\.txt: line 1 is no path; save the list as UTF-8"):
        names_in(file)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the list: No such file"):
        names_in(tmp_path / "list.txt")


def test_a_list_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Else two workers would share the images out differently."""
    file = write(tmp_path / "list.txt", "a.png\n")
    images = ImageList(file)
    assert len(list(images)) == 1
    with file.open("a") as stream:
        stream.write("b.png\n")
    with pytest.raises(ValueError, match="was changed while it was read; run the same command"):
        list(images)


def test_the_ending_tells_a_list(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    assert is_list("a.txt")
    assert is_list("A.LST")
    assert not is_list("a.png")
    assert not is_list(str(tmp_path / "folder.txt"))
