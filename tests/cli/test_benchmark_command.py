"""The command that times models, called as a user would."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tessella.run import Run
from tessella.terminal import benchmark_table

pytestmark = pytest.mark.processes

DOCS = Path(__file__).parents[2] / "docs" / "benchmark.md"

DOCUMENT = {
    "protocol": {
        "size": [360, 480],
        "size_from": "as asked for",
        "batch": 1,
        "rounds": 40,
        "threads": 2,
        "timed": "image in main memory -> class map in main memory, without decoding",
        "image": "a drawn street",
        "processor": "Some CPU",
        "cores": 8,
        "system": "Linux x86_64",
        "python": "3.11.7",
        "versions": {"tessella": "0.1.0", "torch": "2.14.1"},
    },
    "rows": [
        {
            "model": "run",
            "engine": "torch",
            "precision": "fp32",
            "where": "cpu, 2 threads",
            "median_seconds": 0.1234,
            "p95_seconds": 1.2,
            "images_per_second": 8.1037,
            "peak_bytes": 700 * 2**20,
            "gpu_peak_bytes": None,
            "file_bytes": 2**20 + 2**19,
            "times_as_fast": {"median": 1.0, "quartiles": [1.0, 1.0]},
        },
        {
            "model": "run/export/model.onnx",
            "engine": "onnx",
            "precision": "int8",
            "where": "cpu, 2 threads",
            "median_seconds": 0.0512,
            "p95_seconds": 0.00612,
            "images_per_second": 19.53,
            "peak_bytes": None,
            "gpu_peak_bytes": 2**30,
            "file_bytes": 2048,
            "times_as_fast": {"median": 2.412, "quartiles": [2.3, 2.5]},
        },
    ],
    "left_out": [
        {"model": "a.onnx", "engine": "openvino", "precision": None, "reason": "is not installed"}
    ],
    "failed": [],
}


def test_the_table_begins_with_the_conditions() -> None:
    assert benchmark_table(DOCUMENT).splitlines()[:4] == [
        "images of 360 x 480 (height x width), as asked for; batch 1, 2 threads, 40 rounds",
        "Some CPU, 8 cores, Linux x86_64",
        "Python 3.11.7, tessella 0.1.0, torch 2.14.1",
        "timed: image in main memory -> class map in main memory, without decoding; a drawn street",
    ]


def test_each_candidate_is_a_line_of_the_table() -> None:
    lines = [re.split(r"  +", line) for line in benchmark_table(DOCUMENT).splitlines()]
    assert [line for line in lines if line[0].startswith("run")] == [
        ["run", "torch fp32", "cpu, 2 threads", "123 ms", "1200 ms", "8.1"]
        + ["700 MiB", "-", "1.5 MiB", "1.00 (1.00..1.00)"],
        ["run/export/model.onnx", "onnx int8", "cpu, 2 threads", "51.2 ms", "6.12 ms", "19.5"]
        + ["-", "1024 MiB", "2.0 KiB", "2.41 (2.30..2.50)"],
    ]


def test_what_is_left_out_stands_below_the_table() -> None:
    last = benchmark_table(DOCUMENT).splitlines()[-1]
    assert last == "left out: a.onnx, openvino: is not installed"


def test_json_is_one_document(run_cli, tiny_run: Run) -> None:  # noqa: ANN001
    code, out, _ = run_cli(
        *("benchmark", tiny_run.path, "--rounds", 2, "--size", "20X30", "--batch", 3, "--json"),
        *("--device", "cpu", "--probabilities"),
    )
    document = json.loads(out)
    assert code == 0
    assert (document["protocol"]["size"], document["protocol"]["batch"]) == ([20, 30], 3)
    assert document["protocol"]["timed"].startswith("image in main memory -> probabilities")
    assert len(document["rows"][0]["seconds"]) == 2


def test_a_table_shows_who_could_be_timed_and_who_failed_ends_with_1(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    code, out, err = run_cli(
        *("benchmark", tiny_run.path, "--against", damaged, "--rounds", 1, "--device", "cpu"),
        *("--threads", 1),
    )
    assert code == 1
    assert out.startswith("images of 33 x 47 (height x width), as the images that ")
    assert re.search(r"torch fp32 +cpu, 1 threads +[\d.]+ ms +[\d.]+ ms +[\d.]+ ", out)
    assert f"error: {damaged} by onnx: {damaged}: cannot be read as ONNX" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.onnx"], "error: absent.onnx: there is no such file.\n"),
        (
            ["absent.onnx", "--size", "480"],
            "error: --size '480': give height and width in pixels, as 360x480.\n",
        ),
        (
            ["absent.onnx", "--size", "0x3"],
            "error: --size '0x3': give height and width in pixels, as 360x480.\n",
        ),
        (["absent.onnx", "--batch", "0"], "error: --batch 0: give a whole number from 1 up.\n"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(run_cli, words: list[str], message: str) -> None:  # noqa: ANN001
    code, _, err = run_cli("benchmark", *words)
    assert (code, err) == (2, message)


@pytest.mark.slow
def test_every_command_of_the_page_runs_as_written(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo").symlink_to(tiny_run.path)
    (tmp_path / "runs" / "other").symlink_to(tiny_run.path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 3
    for line in lines:
        code, out, err = run_cli(*shlex.split(line)[1:], "--rounds", "1", "--device", "cpu")
        assert code == 0, f"{line}\n{out}{err}"
