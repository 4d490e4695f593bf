"""The pictures of each epoch that training gave to TensorBoard, read back."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tessella.train.board import SAMPLE_TAGS


class EpochPicture(NamedTuple):
    """A fixed sample after one epoch: input, truth and prediction."""

    tag: str
    """GROUP/NUMBER-NAME as TensorBoard shows it."""

    epoch: int
    """From 1."""

    png: bytes
    """The file's content."""


def event_files(folder: Path) -> list[Path]:
    """The event files of a run, oldest first; several where it was resumed."""
    return sorted(folder.glob("events.out.tfevents.*"))


def epoch_pictures(files: list[Path]) -> Iterator[EpochPicture]:
    """Pictures of fixed samples in the order of writing, one at a time in memory.

    What an event file lost at its end, as when training was killed, is left out.
    """
    for file in files:
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.tag.partition("/")[0] in SAMPLE_TAGS:
                    # TensorBoard keeps width, height and the PNG
                    yield EpochPicture(value.tag, event.step, value.tensor.string_val[2])
