"""Looks before training: a learning rate with its plot, the size of a model."""

from pathlib import Path

import pytest

from tessella.models import MODELS
from tessella.run import Run


def test_find_lr_writes_a_plot_and_prints_an_override(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    plot = tmp_path / "rate.svg"
    code, out, _ = run_cli(
        *("find-lr", own_folder / "tiny.yaml", "--data", own_folder, "--steps", 60, "--out", plot)
    )
    assert code == 0
    assert out.startswith("optimizer.lr=")
    assert 1e-5 < float(out.splitlines()[0].partition("=")[2]) < 10
    assert plot.read_text().startswith("<svg")


@pytest.mark.parametrize("what", ["recipe", "run"])
def test_a_summary_tells_parameters_and_cost(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tiny_run: Run,
    what: str,
) -> None:
    model = (
        [own_folder / "tiny.yaml", "--data", own_folder] if what == "recipe" else [tiny_run.path]
    )
    code, out, _ = run_cli("model", "summary", *model, "--size", "64x96", "--batch", 2)
    assert code == 0
    assert "for images          2x3x64x96" in out
    for word in ("parameters", "trainable", "GFLOPs", "kept for training", "peak of inference"):
        assert word in out


def test_a_summary_counts_what_the_recipe_freezes_and_needs_no_data(run_cli) -> None:  # noqa: ANN001
    code, out, _ = run_cli(
        *("model", "summary", "camvid", "model.freeze=encoder", "--num-classes", 11),
        *("--size", "32x32", "--levels", 0),
    )
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("parameters"))
    whole, trainable = (int(word.replace(",", "").strip("(")) for word in line.split()[1:3])
    assert 0 < trainable < whole - 2_000_000  # MobileNetV2's features have 2.2 million


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["camvid"], "Or give --num-classes"),
        (["camvid", "--num-classes", "0"], "--num-classes 0: give a whole number from 1 up"),
        (["camvid", "--num-classes", "2", "--size", "360"], "--size '360': give height and width"),
        (["camvit", "--num-classes", "2"], "no recipe is called 'camvit'; did you mean 'camvid'"),
    ],
)
def test_a_summary_of_something_else_is_wrong_usage(
    run_cli,  # noqa: ANN001
    words: list[str],
    message: str,
) -> None:
    code, _, err = run_cli("model", "summary", *words)
    assert code == 2
    assert message in err


def test_every_model_is_listed(run_cli) -> None:  # noqa: ANN001
    code, out, _ = run_cli("model", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(MODELS)
