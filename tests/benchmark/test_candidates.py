"""Which engines, precisions and files a path stands for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.benchmark.candidates import candidates_of
from tessella.errors import UsageError
from tessella.run import Run


def kinds(models: list[Path]) -> list[tuple[str, str, str | None]]:
    return [(c.path.name, c.engine, c.precision) for c in candidates_of(models)]


@pytest.fixture
def run_with_exports(tiny_run: Run, tmp_path: Path) -> Path:
    (tmp_path / "run" / "export").mkdir(parents=True)
    (tmp_path / "run" / "model").symlink_to(tiny_run.model_folder)
    for name in ("b.openvino", "a.onnx", "c.pt2", "notes.txt"):
        (tmp_path / "run" / "export" / name).write_bytes(b"12345")
    return tmp_path / "run"


def test_a_folder_is_computed_by_torch_in_fp32_and_in_what_is_fast(tiny_run: Run) -> None:
    name = tiny_run.path.name
    assert kinds([tiny_run.path]) == [(name, "torch", "fp32"), (name, "torch", "auto")]


def test_an_onnx_file_has_two_engines_and_its_own_precision(
    brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = brightest_file(tmp_path / "a.onnx")
    assert kinds([file]) == [("a.onnx", "onnx", None), ("a.onnx", "openvino", None)]


def test_a_run_stands_for_its_exported_files_too(run_with_exports: Path) -> None:
    found = candidates_of([run_with_exports])
    assert [(c.path.name, c.engine, c.was_named) for c in found] == [
        ("run", "torch", True),
        ("run", "torch", True),
        ("a.onnx", "onnx", False),
        ("a.onnx", "openvino", False),
        ("b.openvino", "openvino", False),
        ("c.pt2", "torch-export", False),
    ]


def test_a_file_that_is_found_and_named_counts_once_and_as_named(run_with_exports: Path) -> None:
    file = run_with_exports / "export" / "b.openvino"
    found = candidates_of([run_with_exports, file])
    assert [c.was_named for c in found if c.path == file] == [True]


def test_the_size_of_a_file_is_its_own_and_that_of_a_folder_its_weights(
    run_with_exports: Path, tiny_run: Run
) -> None:
    found = {c.path.name: c.file_bytes for c in candidates_of([run_with_exports])}
    weights = tiny_run.model_folder / "model.safetensors"
    assert found["run"] == len(weights.read_bytes())
    assert found["c.pt2"] == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.onnx", "absent.onnx: there is no such file."),
        ("absent", "absent: does not exist; expected a run folder"),
        ("empty", "empty: holds no model; expected a run folder"),
        ("folder.onnx", "folder.onnx: is a folder; expected a file."),
        ("notes.txt", "notes.txt: is no model; expected a run folder"),
    ],
)
def test_what_is_no_model_is_refused_before_any_process_starts(
    name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError) as error:
        candidates_of([tmp_path / name])
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(message)
