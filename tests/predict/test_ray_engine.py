"""Ray gives the bytes of the plain engine, and goes on where either was stopped."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.predict.ray_engine import Share, share_of

pytestmark = pytest.mark.processes

Listed = Callable[..., Path]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tessella", "predict", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def content(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def indices(out: Path) -> list[int]:
    lines = (out / "manifest" / "0-of-1.jsonl").read_text().splitlines()[1:]
    return [json.loads(line)["index"] for line in lines]


@pytest.mark.slow
def test_results_names_and_manifest_are_those_of_the_plain_engine(
    exported_scores: Path, listed: Listed, tmp_path: Path
) -> None:
    file = listed(tmp_path, 40)
    (tmp_path / "images" / "007.png").write_bytes(b"nothing")
    with file.open("ab") as stream:
        stream.write(b"images/caf\xe9.png\nimages/000.png\n./images/001.png\nmissing.jpg\n")
    words = (exported_scores, file, "--save", "mask,color,overlay,probabilities,polygons", "--out")
    plain = run(*words, tmp_path / "plain")
    by_ray = run(*words, tmp_path / "ray", "--engine", "ray")
    assert (plain.returncode, by_ray.returncode) == (1, 1), by_ray.stderr
    assert "42 images, 0 done before, 39 done now, 3 failed" in by_ray.stdout
    assert content(tmp_path / "ray") == content(tmp_path / "plain")
    assert indices(tmp_path / "ray") == list(range(42))
    errors = [line for line in by_ray.stderr.splitlines() if line.startswith("error:")]
    assert errors == plain.stderr.splitlines()
    assert "Traceback" not in by_ray.stderr


@pytest.mark.slow
def test_ray_goes_on_where_the_plain_engine_was_stopped(
    exported_scores: Path, listed: Listed, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 20), tmp_path / "out"
    words = (exported_scores, file, "--out", out)
    assert run(*words).returncode == 0
    whole = content(out)
    manifest = out / "manifest" / "0-of-1.jsonl"
    kept = manifest.read_bytes().splitlines(keepends=True)[:9]
    manifest.write_bytes(b"".join(kept) + b'{"index": 8, "im')
    by_ray = run(*words, "--engine", "ray", "--workers", "2")
    assert "20 images, 8 done before, 12 done now, 0 failed" in by_ray.stdout, by_ray.stderr
    assert content(out) == whole


@pytest.mark.slow
def test_what_a_worker_cannot_do_is_said_in_one_line(
    exported_classes: Path, listed: Listed, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 3), tmp_path / "out"
    words = (exported_classes, file, "--save", "probabilities", "--out", out, "--engine", "ray")
    done = run(*words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: this file gives class maps only;")
    assert "Traceback" not in done.stderr
    assert indices(out) == []


@pytest.mark.parametrize(
    ("resources", "device", "workers", "expected"),
    [
        ({"CPU": 16.0}, "auto", None, Share(8, cores_each=2, gpus_each=0)),
        ({"CPU": 16.0}, "auto", 16, Share(16, cores_each=1, gpus_each=0)),
        ({"CPU": 3.0}, "cpu", None, Share(1, cores_each=2, gpus_each=0)),
        ({"CPU": 1.0}, "auto", None, Share(1, cores_each=1, gpus_each=0)),
        ({"CPU": 64.0, "GPU": 8.0}, "auto", None, Share(8, cores_each=1, gpus_each=1)),
        ({"CPU": 64.0, "GPU": 8.0}, "cuda", 2, Share(2, cores_each=1, gpus_each=1)),
        ({"CPU": 64.0, "GPU": 8.0}, "cpu", None, Share(32, cores_each=2, gpus_each=0)),
    ],
)
def test_workers_take_a_gpu_each_or_two_cores(
    resources: Mapping[str, float], device: str, workers: int | None, expected: Share
) -> None:
    assert share_of(resources, device=device, workers=workers) == expected


@pytest.mark.parametrize(
    ("resources", "device", "workers", "message"),
    [
        ({"CPU": 2.0}, "auto", 3, "--workers 3: Ray has 2 cores; give 2 at most."),
        ({"CPU": 9.0, "GPU": 2.0}, "auto", 3, "--workers 3: Ray has 2 GPUs; give 2 at most."),
        ({"CPU": 2.0}, "cuda", None, "--device cuda: Ray knows of no GPU; give --device auto"),
    ],
)
def test_more_than_the_cluster_has_is_refused(
    resources: Mapping[str, float], device: str, workers: int | None, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        share_of(resources, device=device, workers=workers)


@pytest.mark.slow
def test_a_model_that_a_worker_does_not_find_is_said_in_one_line(tmp_path: Path) -> None:
    """As on a cluster whose machines do not share the folder."""
    code = """
import sys
from pathlib import Path
from tessella.data.synthetic.scenes import LABELS
from tessella.predict.find import NamedImage
from tessella.predict.ray_engine import RayEngine
from tessella.predict.write import Wanted
engine = RayEngine(Path("/nowhere/model"), LABELS, tile=2048)
try:
    list(engine.predict([NamedImage(0, "x", "/x.png")], out=Path(sys.argv[1]), wanted=Wanted()))
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("/nowhere/model: does not exist; expected a run folder")
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
