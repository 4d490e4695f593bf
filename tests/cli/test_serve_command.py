"""`tessella serve` as a user calls it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tessella.cli.serve_command import api_key, named_models
from tessella.errors import UsageError
from tessella.run import Run


def test_a_run_is_served_under_its_name_and_ends_with_0(tiny_run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tessella", "serve", str(tiny_run.path), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--device", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"serving tiny at (http://127\.0\.0\.1:\d+)\n", line)
        assert found is not None, line
        picture = tmp_path / "photo.png"
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(picture)
        files = {"image": ("photo.png", picture.read_bytes())}
        headers = {"Accept": "application/json"}
        answer = httpx.post(f"{found[1]}/predict", files=files, headers=headers, timeout=60)
        assert answer.status_code == 200
        assert (answer.json()["height"], answer.json()["width"]) == (20, 30)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    finally:
        process.kill()
        process.communicate()


def test_models_are_named_by_hand_by_card_or_by_file(tiny_run: Run, tmp_path: Path) -> None:
    file = tmp_path / "street.onnx"
    file.touch()
    odd = tmp_path / "lr=0.1.onnx"
    odd.touch()
    words = [f"mine={file}", str(tiny_run.path), str(file), str(odd)]
    assert named_models(words) == {
        "mine": file,
        "tiny": tiny_run.path,
        "street": file,
        "lr=0.1": odd,
    }


def test_two_models_of_one_name_are_refused(tiny_run: Run) -> None:
    with pytest.raises(UsageError, match="is called 'tiny' like .*; name them apart by NAME=PATH"):
        named_models([str(tiny_run.path), str(tiny_run.model_folder)])


def test_the_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-the-file\n")
    environment = {"TESSELLA_API_KEY": "from-the-environment"}
    assert api_key(environment, file) == "from-the-file"
    assert api_key(environment, None) == "from-the-environment"
    assert api_key({}, None) is None


@pytest.mark.parametrize("text", ["", "\n", "  \n"])
def test_an_empty_key_is_refused_rather_than_serving_everyone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(UsageError, match="key: is empty; expected an API key"):
        api_key({}, file)
    with pytest.raises(UsageError, match="TESSELLA_API_KEY: is empty"):
        api_key({"TESSELLA_API_KEY": text}, None)


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone: cannot read the API key"):
        api_key({}, tmp_path / "gone")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.onnx"], "nowhere.onnx: does not exist; expected a run folder"),
        (["a=nowhere.onnx"], "nowhere.onnx: there is no such file"),
        (["a b=nowhere.onnx"], "model name 'a b': expected up to 64 letters"),
        (["a=x.onnx", "--queue", "0"], "queue_length is 0; expected more than 0"),
        (["a=x.onnx", "--max-mb", "0"], "--max-mb is 0.0; expected more than 0"),
        (["a=x.onnx", "--max-mb", "nan"], "--max-mb is nan; expected more than 0"),
        (["a=x.onnx", "--max-megapixels", "inf"], "--max-megapixels is inf; expected more than 0"),
        (["a=x.onnx", "--cors-origin", "*"], "origin '*': expected scheme and host"),
    ],
)
def test_wrong_usage_ends_with_2(run_cli, words: list[str], message: str) -> None:  # noqa: ANN001
    code, _, err = run_cli("serve", *words, "--port", "0")
    assert code == 2
    assert message in err


def test_an_open_address_without_a_key_is_warned_about(run_cli) -> None:  # noqa: ANN001
    _, _, err = run_cli("serve", "a=nowhere.onnx", "--host", "0.0.0.0", "--port", "0")
    assert "warning: everyone who reaches 0.0.0.0 may use this server" in err
    _, _, err = run_cli("serve", "a=nowhere.onnx", "--port", "0")
    assert "warning" not in err


@pytest.mark.parametrize("library", ["fastapi", "uvicorn", "prometheus_client", "python_multipart"])
def test_a_missing_library_names_the_extra(library: str) -> None:
    code = (
        "import importlib.util as u, sys\n"
        "find = u.find_spec\n"
        f"u.find_spec = lambda name: None if name == {library!r} else find(name)\n"
        "import typer\nfrom tessella.cli.serve_command import serve\n"
        "try:\n    typer.run(serve)\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "x.onnx"], capture_output=True, text=True, check=False
    )
    assert done.stdout == (
        f"{library} is not installed; this command needs: pip install 'tessella[serve]'.\n"
    )
