"""A mask that is sent along: by indices or by colours, and the scores against it."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tessella.data.images import encode_mask, encode_png
from tessella.labels import LabelMap
from tessella.serve.refusal import RefusedError
from tessella.serve.truth import decode_truth, scores

FileOf = Callable[..., bytes]
TRUTH = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)


@pytest.mark.parametrize("form", ["grey", "palette", "grey as RGB", "colours", "16-bit grey"])
def test_a_mask_may_hold_indices_or_the_classes_colours(labels: LabelMap, form: str) -> None:
    content = {
        "grey": encode_png(TRUTH),
        "palette": encode_mask(TRUTH, labels),
        "grey as RGB": encode_png(np.repeat(TRUTH[..., None], 3, axis=2)),
        "colours": encode_png(labels.colorize(TRUTH)),
        "16-bit grey": encode_png(TRUTH.astype(np.uint16)),
    }[form]
    assert (decode_truth(content, labels, size=(2, 3)) == TRUTH).all()


def refused(content: bytes, labels: LabelMap, size: tuple[int, int] = (2, 3)) -> RefusedError:
    with pytest.raises(RefusedError) as found:
        decode_truth(content, labels, size=size)
    assert (found.value.status, found.value.code) == (422, "unreadable_mask")
    return found.value


def test_a_value_that_is_no_class_is_named(labels: LabelMap) -> None:
    message = refused(encode_png(TRUTH + np.uint8(3)), labels).message
    assert "neither a class nor ignored: 4 (33.33%), 5 (33.33%), 3 (16.67%)" in message


def test_a_colour_that_is_no_class_is_named(labels: LabelMap) -> None:
    message = refused(encode_png(labels.colorize(TRUTH) // 2), labels).message
    assert "neither a class nor ignored: (15, 90, 20)" in message


def test_another_size_is_told_with_both_sizes(labels: LabelMap) -> None:
    message = refused(encode_png(TRUTH), labels, size=(3, 2)).message
    assert message == ("mask: is 2x3 but the image is 3x2 (height x width); send both at one size.")


def test_a_transparent_mask_is_unclear(labels: LabelMap) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((2, 3, 4), np.uint8)).save(stream, "PNG")
    assert "transparent pixels" in refused(stream.getvalue(), labels).message


def test_a_damaged_mask_is_told_in_our_words(labels: LabelMap) -> None:
    message = refused(encode_png(TRUTH)[:40], labels).message
    assert message.startswith("mask: cannot be read, it is damaged")


def test_scores_are_those_worked_out_by_hand(labels: LabelMap) -> None:
    predicted = np.array([[0, 1, 1], [2, 0, 0]], np.uint8)
    # labelled pixels 0-0, 1-1, 2-1, 2-2, 1-0: the ignored one counts nowhere
    found = scores(TRUTH, predicted, labels)
    assert found["pixel_accuracy"] == 3 / 5
    assert [row["iou"] for row in found["per_class"]] == [1 / 2, 1 / 3, 1 / 2]
    assert found["mean_iou"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)


def test_what_is_undefined_is_null(labels: LabelMap) -> None:
    found = scores(np.full((2, 3), 255, np.uint8), np.zeros((2, 3), np.uint8), labels)
    assert found["mean_iou"] is None
    assert found["per_class"][0]["iou"] is None
