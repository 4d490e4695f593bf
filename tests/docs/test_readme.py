"""The README and what begins where it ends: the longest way through, so a file of its own."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def readme_folder(
    console: Any, own_images: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where every command of the README has run as written."""
    folder = tmp_path_factory.mktemp("readme")
    own_images(folder / "mine", with_classes=True)
    console.run("README.md", folder, least=10)
    return folder


@pytest.mark.slow
def test_every_command_of_the_readme_runs_as_written(readme_folder: Path) -> None:
    assert (readme_folder / "runs" / "demo" / "report" / "report.html").is_file()


@pytest.mark.slow
def test_every_command_about_files_that_are_given_away_runs_as_written(
    readme_folder: Path, console: Any
) -> None:
    # the demo is the README's; it takes a minute
    console.run("docs/export.md", readme_folder, least=7, but="tessella demo")


def test_the_error_shown_in_the_readme_is_the_one_given(console: Any, tmp_path: Path) -> None:
    shown = re.findall(r"\$ (tessella .*)\n(error: .*)\n", README)
    assert shown
    for line, error in shown:
        assert console.tessella(line, tmp_path).stderr.strip() == error


@pytest.mark.parametrize("name", re.findall(r"`([\w/]+\.py)`", README))
def test_files_named_in_the_readme_exist(name: str) -> None:
    assert (ROOT / "src" / "tessella" / name).exists() or (ROOT / name).exists()
