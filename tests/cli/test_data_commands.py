"""The commands around data, called as a user would."""

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image


def test_data_help_names_every_command(run_cli) -> None:  # noqa: ANN001
    code, out, _ = run_cli("data", "--help")
    assert code == 0
    assert all(word in out for word in ("list", "fetch", "check", "stats", "preview", "split"))


def test_list_says_what_each_is_and_how_to_get_it(run_cli) -> None:  # noqa: ANN001
    _, out, _ = run_cli("data", "list")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "fetch" in lines["voc2012"]
    assert "log in" in lines["cityscapes"]
    assert "Your own folder" in lines["folder"]


def test_fetch_of_a_closed_data_set_says_where_to_log_in(run_cli, tmp_path: Path) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "fetch", "cityscapes", "--data", tmp_path / "d")
    assert code == 2
    assert "cityscapes-dataset.com" in err
    assert not (tmp_path / "d").exists()


def test_fetch_of_something_unknown_lists_the_known(run_cli, tmp_path: Path) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "fetch", "voc2021", "--data", tmp_path / "d")
    assert code == 2
    assert "voc2012" in err


def test_stats_prints_a_table_and_writes_a_page(run_cli, own_folder: Path, tmp_path: Path) -> None:  # noqa: ANN001
    out_folder = tmp_path / "out"
    code, out, _ = run_cli(
        "data", "stats", own_folder, "classes=[ground, box]", "--out", out_folder
    )
    assert code == 0
    assert "ground" in out
    assert "box" in out
    assert (out_folder / "stats.html").stat().st_size > 1000
    counts = json.loads((out_folder / "stats.json").read_text())
    assert sum(split["num_images"] for split in counts["splits"].values()) == 10


def test_stats_as_json_is_one_document(run_cli, own_folder: Path, tmp_path: Path) -> None:  # noqa: ANN001
    _, out, _ = run_cli(
        *("data", "stats", own_folder, "classes=[ground, box]"), "--json", "--out", tmp_path / "o"
    )
    assert "splits" in json.loads(out)


def test_preview_draws_a_picture(run_cli, own_folder: Path, tmp_path: Path) -> None:  # noqa: ANN001
    file = tmp_path / "p.png"
    words = ("data", "preview", own_folder, "classes=[ground, box]", "--out", file)
    code, out, _ = run_cli(*words, "--count", 3)
    assert (code, out.strip()) == (0, str(file))
    plain = np.asarray(Image.open(file))
    run_cli(*words, "--count", 3, "--augment")
    assert np.asarray(Image.open(file)).shape[0] > plain.shape[0]


def test_a_zip_is_read_like_a_folder(run_cli, own_folder: Path, tmp_path: Path) -> None:  # noqa: ANN001
    shutil.make_archive(str(tmp_path / "mine"), "zip", own_folder)
    words = ("classes=[ground, box]", "--out", tmp_path / "o", "--json")
    _, of_folder, _ = run_cli("data", "stats", own_folder, *words)
    code, of_zip, err = run_cli("data", "stats", tmp_path / "mine.zip", *words)
    assert (code, err) == (0, "")
    assert of_zip == of_folder


def test_split_writes_lists_that_are_read_from_then_on(run_cli, own_folder: Path) -> None:  # noqa: ANN001
    words = (own_folder, "classes=[ground, box]")
    code, out, _ = run_cli("data", "split", *words, "--val", 0.3, "--test", 0)
    assert code == 0
    assert out.splitlines()[0] == "7 train, 3 val"
    _, out, _ = run_cli("data", "stats", *words, "--json", "--out", own_folder / "o")
    splits = json.loads(out)["splits"]
    assert {name: split["num_images"] for name, split in splits.items()} == {"train": 7, "val": 3}


def test_a_name_needs_its_folder(run_cli) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "stats", "voc2012")
    assert code == 2
    assert "--data ROOT" in err


def test_neither_folder_nor_data_set_is_wrong_usage(run_cli) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "stats", "camvit")
    assert code == 2
    assert "there is no such file or folder" in err
    assert "'camvid'" in err


def test_two_folders_at_once_are_refused(run_cli, own_folder: Path) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "stats", own_folder, own_folder)
    assert code == 2
    assert "one folder at a time" in err


def test_a_place_with_data_needs_no_root(run_cli, own_folder: Path) -> None:  # noqa: ANN001
    code, _, err = run_cli("data", "stats", own_folder, "--data", own_folder)
    assert code == 2
    assert "leave out --data" in err
