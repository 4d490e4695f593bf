"""The export command: a table of before and after, a file, and clear words where it cannot."""

from pathlib import Path

import numpy as np
import pytest

from tessella.run import Run

ALL_WRONG = np.roll(100 * np.eye(8, dtype=np.int64), 1, axis=1)


def test_it_prints_each_class_before_and_after(run_cli, tiny_run: Run, tmp_path: Path) -> None:  # noqa: ANN001
    out = tmp_path / "street.onnx"
    code, printed, _ = run_cli("export", tiny_run.path, "--out", out, "--images", 3)
    assert code == 0
    lines = printed.splitlines()
    assert lines[0].split() == ["class", "run", "file", "points"]
    assert [line.split()[0] for line in lines[1:9]][:2] == ["sky", "building"]
    assert lines[9].startswith("mean IoU")
    assert "in fp32, on 3 images: " in printed
    assert f"{out}: " in printed
    assert "takes images of any size" in printed
    assert out.is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "onxx"), "no format is called 'onxx'; did you mean 'onnx'?"),
        (("--add", "probs"), "no output is called 'probs'. Known: classes, logits"),
        (("--size", "360"), "--size '360': give height and width in pixels, as 360x480"),
        (("--images", "-1"), "--images"),
        (("--max-drop", "2"), "--max-drop is about int8; add --int8, or leave it out"),
    ],
)
def test_a_wrong_word_is_a_wrong_usage(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
    words: tuple[str, str],
    message: str,
) -> None:
    code, _, error = run_cli("export", tiny_run.path, "--out", tmp_path / "x.onnx", *words)
    assert code == 2
    assert message in error
    assert not (tmp_path / "x.onnx").exists()


def test_int8_is_scored_before_it_is_written(run_cli, tiny_run: Run, tmp_path: Path) -> None:  # noqa: ANN001
    out = tmp_path / "street.onnx"
    words = ("export", tiny_run.path, "--out", out, "--images", 3, "--int8", "--max-drop", 50)
    code, printed, said = run_cli(*words)
    assert code == 0, said
    assert "int8, minmax: mean IoU " in printed
    assert out.is_file()


def test_int8_that_costs_too_much_is_refused_and_leaves_nothing(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if quantising had made a network that is wrong everywhere."""
    monkeypatch.setattr("tessella.export.int8._counts", lambda *_: ALL_WRONG)
    words = ("--out", tmp_path / "x.onnx", "--images", 3, "--int8", "--max-drop", "0")
    code, _, error = run_cli("export", tiny_run.path, *words)
    assert code == 1
    assert "6 ways were tried and nothing was written" in error
    assert "Allow more by --max-drop, or export without --int8" in error
    assert not list(tmp_path.iterdir())
