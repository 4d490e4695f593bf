"""The export command: a table of before and after, a file, and clear words where it cannot."""

from pathlib import Path

import pytest

from tessella.run import Run


def test_it_prints_each_class_before_and_after(run_cli, tiny_run: Run, tmp_path: Path) -> None:  # noqa: ANN001
    out = tmp_path / "street.onnx"
    code, printed, _ = run_cli("export", tiny_run.path, "--out", out, "--images", 3)
    assert code == 0
    lines = printed.splitlines()
    assert lines[0].split() == ["class", "run", "file", "points"]
    assert [line.split()[0] for line in lines[1:9]][:2] == ["sky", "building"]
    assert lines[9].startswith("mean IoU")
    assert "compared on 3 images: " in printed
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
