"""Inputs become images, each once, each with a name that no other has, in any process."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.errors import UsageError
from tessella.predict.find import Images, find_images

Picture = Callable[..., Path]


def names_of(*inputs: Path) -> list[str]:
    return [name for name, _ in find_images([str(one) for one in inputs])]


def write_list(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_images_of_one_name_do_not_overwrite_each_other(tmp_path: Path, picture: Picture) -> None:
    for file in ("a/x.png", "b/x.png", "a/x.jpg"):
        picture(tmp_path / file)
    assert names_of(tmp_path / "a/x.*", tmp_path / "b/*") == ["x_jpg", "x_png", "x_2"]


def test_a_name_made_unique_is_not_that_of_another_image(tmp_path: Path) -> None:
    file = write_list(tmp_path / "list.txt", "x.jpg", "x.png", "x_jpg.png", "x_2.png")
    assert names_of(file) == ["x_3", "x_png", "x_jpg", "x_2"]


def test_a_pattern_and_the_file_it_matches_count_once(tmp_path: Path, picture: Picture) -> None:
    source = picture(tmp_path / "x.png")
    assert names_of(source, tmp_path / "*.png") == ["x"]


def test_an_image_in_a_folder_that_is_named_again_counts_once(
    tmp_path: Path, picture: Picture
) -> None:
    inner = picture(tmp_path / "in" / "a" / "x.png")
    assert names_of(tmp_path / "in", inner) == ["a/x"]


def test_a_line_that_comes_again_counts_once(tmp_path: Path) -> None:
    file = write_list(tmp_path / "list.txt", "a.png", "b.png", "./a.png", "c/../b.png", "a.png")
    images = Images([str(file)])
    assert [image.name for image in images] == ["a", "b"]
    assert [image.index for image in images] == [0, 1]
    assert len(images) == 2


def test_an_ending_stays_in_the_name_only_where_it_is_needed(tmp_path: Path) -> None:
    file = write_list(tmp_path / "list.txt", "a/x.jpg", "a/x.png", "b/x.jpg")
    assert names_of(file) == ["a/x_jpg", "a/x_png", "b/x"]


PARTS = st.lists(st.sampled_from(["a", "b", "a_png", "a_2"]), min_size=1, max_size=2)
LINES = st.builds(
    lambda parts, ending: "/".join(parts) + ending, PARTS, st.sampled_from(["", ".png", ".jpg"])
)


@given(st.lists(LINES, min_size=1, max_size=12))
def test_every_line_has_one_image_and_every_image_a_name_of_its_own(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write_list(Path(folder) / "list.txt", *lines)
        images = list(Images([str(file)]))
    assert [Path(image.path).relative_to(folder).as_posix() for image in images] == list(
        dict.fromkeys(lines)
    )
    assert len({image.name for image in images}) == len(images)


def test_another_process_finds_the_same_names_and_digest(tmp_path: Path) -> None:
    """Python hashes texts differently in each process; nothing here may depend on it."""
    file = write_list(tmp_path / "list.txt", "a.jpg", "a.png", "b/a.jpg", "a.jpg", "a_jpg.gif")
    code = (
        "import sys\nfrom tessella.predict.find import Images\n"
        "images = Images(sys.argv[1:])\nprint(images.digest, *(image.name for image in images))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code, str(file)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = Images([str(file)])
    assert seen == {" ".join([here.digest, *(image.name for image in here)]) + "\n"}


def test_the_digest_tells_order_place_and_names_apart(tmp_path: Path) -> None:
    lists = [
        write_list(tmp_path / "one" / "list.txt", "a.png", "b.png"),
        write_list(tmp_path / "one" / "turned.txt", "b.png", "a.png"),
        write_list(tmp_path / "two" / "list.txt", "a.png", "b.png"),
        write_list(tmp_path / "one" / "longer.txt", "a.png", "b.png", "c.png"),
    ]
    assert len({Images([str(file)]).digest for file in lists}) == len(lists)


def test_an_input_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing: no image found .*give files, folders, a list"):
        names_of(tmp_path / "nothing")


def test_a_list_without_images_is_refused(tmp_path: Path) -> None:
    file = write_list(tmp_path / "list.txt", "# nothing yet", "")
    with pytest.raises(UsageError, match=r"list\.txt: lists no image; write one path a line"):
        names_of(file)
