"""The log of a run begins before its folder is there."""

import logging
from pathlib import Path

from tessella.run import Run
from tessella.train.run_log import kept_log

ours = logging.getLogger("tessella.somewhere")


def lines_of(run: Run) -> list[str]:
    return [line.split(" ", 2)[2] for line in run.log_file.read_text().splitlines()]


def test_what_was_said_before_the_folder_was_there_is_in_the_log(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with kept_log() as log_into:
        ours.info("licence: %s", "MIT")
        log_into(run)
        ours.info("epoch 1")
    ours.info("later")
    assert lines_of(run) == ["licence: MIT", "epoch 1"]


def test_a_run_that_never_began_leaves_no_log(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with kept_log():
        ours.info("too early")
    assert not run.log_file.exists()


def test_a_second_run_adds_to_the_log(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for text in ("first", "second"):
        with kept_log() as log_into:
            log_into(run)
            ours.info(text)
    assert lines_of(run) == ["first", "second"]


def test_the_callers_logging_is_left_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger("tessella")
    before = (root.level, list(root.handlers))
    with kept_log() as log_into:
        log_into(Run(tmp_path))
    assert (root.level, list(root.handlers)) == before
