"""What TensorBoard reads from a run: both phases, the rate, fixed samples, the recipe."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tessella.run import Run


@pytest.fixture(scope="module")
def events(tiny_run: Run) -> EventAccumulator:
    accumulator = EventAccumulator(str(tiny_run.tensorboard_folder))
    accumulator.Reload()
    return accumulator


@pytest.mark.parametrize(
    "tag", ["loss/train", "loss/val", "mean_iou/train", "mean_iou/val", "learning_rate"]
)
def test_each_curve_has_a_point_an_epoch(events: EventAccumulator, tag: str) -> None:
    """S3-B18: training figures reach TensorBoard too."""
    assert [event.step for event in events.Scalars(tag)] == [1, 2]


def test_fixed_samples_are_shown_each_epoch(events: EventAccumulator) -> None:
    tags = events.Tags()["images"]
    assert len(tags) == 3
    assert [event.step for event in events.Images(tags[0])] == [1, 2]
    assert events.Images(tags[0])[0].width == 3 * 47  # input, truth, prediction


def test_the_recipe_is_there_as_text(events: EventAccumulator) -> None:
    assert "recipe/text_summary" in events.Tags()["tensors"]
