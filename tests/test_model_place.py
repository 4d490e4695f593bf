"""Where a model lies, found without an engine."""

import subprocess
import sys
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.model_place import card_at, folder_of
from tessella.run import Run


def test_a_run_holds_its_model_in_a_folder(tiny_run: Run) -> None:
    assert folder_of(tiny_run.path) == tiny_run.model_folder
    assert folder_of(tiny_run.model_folder) == tiny_run.model_folder
    assert card_at(tiny_run.path) == card_at(tiny_run.model_folder)


def test_a_folder_without_a_card_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model; expected a run folder .* exported file"):
        card_at(tmp_path)


def test_predicting_from_a_file_needs_no_torch() -> None:
    """The base package has none: nothing on the way may import it."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import tessella.predictor, tessella.evaluate, tessella.predict, tessella.backends.onnx\n"
        "import tessella.model_place, tessella.source"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
