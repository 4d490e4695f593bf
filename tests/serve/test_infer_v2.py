"""Requests and answers of the Open Inference Protocol, byte by byte."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.infer_v2 import (
    InferRequest,
    WantedOutput,
    check_answer_size,
    format_answer,
    model_metadata,
    outputs_of,
    parse_request,
)
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError

ImageOf = Callable[..., np.ndarray]
KNOWN = ("classes", "probabilities")
# two images of 1x2 pixels, planes of red, green and blue one after another
DATA = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
IMAGES = [[[[1, 3, 5], [2, 4, 6]]], [[[11, 13, 15], [12, 14, 16]]]]


def tensor(**changes: Any) -> dict[str, Any]:
    entry = {"name": "images", "datatype": "UINT8", "shape": [2, 3, 1, 2], "data": DATA}
    return {key: value for key, value in {**entry, **changes}.items() if value is not ...}


def parse(content: Any, raw: bytes | None = None, **limits: int) -> InferRequest:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_request(
        text + (raw or b""),
        header_length=None if raw is None else len(text),
        outputs=KNOWN,
        limits=Limits(**limits),
    )


@pytest.mark.parametrize("data", [DATA, np.reshape(DATA, (2, 3, 1, 2)).tolist()])
def test_json_data_may_be_flat_or_nested(data: list[Any]) -> None:
    request = parse({"inputs": [tensor(data=data)]})
    assert request.images.tolist() == IMAGES
    assert request.images.dtype == np.uint8


def test_binary_data_follows_the_json_part() -> None:
    head = {"inputs": [tensor(data=..., parameters={"binary_data_size": 12})]}
    assert parse(head, bytes(DATA)).images.tolist() == IMAGES


def test_all_outputs_are_sent_where_none_is_named() -> None:
    request = parse({"id": "7", "inputs": [tensor()]})
    assert request.outputs == (WantedOutput("classes", False), WantedOutput("probabilities", False))
    assert request.id == "7"


def test_binary_output_is_asked_for_all_or_for_each() -> None:
    request = parse(
        {
            "inputs": [tensor()],
            "parameters": {"binary_data_output": True},
            "outputs": [
                {"name": "probabilities"},
                {"name": "classes", "parameters": {"binary_data": False}},
            ],
        }
    )
    assert request.outputs == (WantedOutput("probabilities", True), WantedOutput("classes", False))


def test_hints_of_other_servers_are_passed_over() -> None:
    hinted = tensor(parameters={"content_type": "np"})
    assert parse({"inputs": [hinted], "parameters": {"priority": 1}}).images.shape == (2, 1, 2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is no JSON"),
        (b"\xff\xfe", "the body is no JSON"),
        (b"[" * 100_000, "the body is no JSON"),
        (b"[]", "the request is no JSON object"),
        ({}, "inputs holds 0 tensors"),
        ({"inputs": [tensor(), tensor()]}, "inputs holds 2 tensors"),
        ({"inputs": {"name": "images"}}, "inputs holds 0 tensors"),
        ({"inputs": [3]}, "the input is no JSON object"),
        ({"inputs": [tensor()], "id": 7}, "id is no text"),
        ({"inputs": [tensor(name="x")]}, "input 'x': the model takes 'images' alone"),
        ({"inputs": [tensor(datatype="FP32")]}, "datatype is 'FP32'; expected UINT8"),
        ({"inputs": [tensor(shape=[2, 1, 2, 3])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape=[2, 3, 1])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape=[0, 3, 1, 2])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape=[2, 3, -1, 2])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape=[True, 3, 1, 2])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape=[2.0, 3, 1, 2])]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(shape="big")]}, r"expected \[n, 3, height, width\]"),
        ({"inputs": [tensor(data=...)]}, "has no data"),
        ({"inputs": [tensor(data=DATA[:-1])]}, r"data has shape \[11\]"),
        ({"inputs": [tensor(data=[[1], [2, 3]])]}, "data is ragged"),
        ({"inputs": [tensor(data=[0.5] * 12)]}, "other than whole numbers"),
        ({"inputs": [tensor(data=["a"] * 12)]}, "other than whole numbers"),
        ({"inputs": [tensor(data=[None] * 12)]}, "other than whole numbers"),
        ({"inputs": [tensor(data=[True] * 12)]}, "other than whole numbers"),
        ({"inputs": [tensor(data=[10**30] * 12)]}, "other than whole numbers"),
        ({"inputs": [tensor(data=[256] * 12)]}, "data runs from 256 to 256; expected 0..255"),
        ({"inputs": [tensor(data=[-1] * 12)]}, "data runs from -1 to -1"),
        ({"inputs": [tensor(data=[float("nan")] * 12)]}, "the body is no JSON"),
        ({"inputs": [tensor()], "outputs": [{"name": "masks"}]}, "output 'masks': the model gives"),
        ({"inputs": [tensor()], "outputs": [{"name": "classes"}] * 2}, "is asked for twice"),
        ({"inputs": [tensor()], "outputs": "classes"}, "outputs is no list"),
        ({"inputs": [tensor()], "parameters": 3}, "parameters of the request is no JSON object"),
        ({"inputs": [tensor()], "parameters": {"binary_data_output": 1}}, "expected true or false"),
        ({"inputs": [tensor()], "parameters": {"sequence_id": 1}}, "has no sequence_id"),
        (
            {
                "inputs": [tensor()],
                "outputs": [{"name": "classes", "parameters": {"classification": 2}}],
            },
            "has no classification",
        ),
        (
            {"inputs": [tensor(parameters={"shared_memory_region": "x"})]},
            "has no shared_memory_region",
        ),
    ],
)
def test_what_is_no_such_request_is_refused(content: Any, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as refused:
        parse(content)
    assert refused.value.status == 400


@pytest.mark.parametrize("size", [11, 13, "12", None, True, 12.5])
def test_a_binary_size_that_does_not_fit_is_refused(size: Any) -> None:
    head = {"inputs": [tensor(data=..., parameters={"binary_data_size": size})]}
    with pytest.raises(RefusedError, match="binary_data_size"):
        parse(head, bytes(DATA))


@pytest.mark.parametrize("raw", [b"", bytes(11), bytes(13)])
def test_binary_data_of_another_length_is_refused(raw: bytes) -> None:
    head = {"inputs": [tensor(data=..., parameters={"binary_data_size": 12})]}
    with pytest.raises(RefusedError, match="takes 12. Make them agree"):
        parse(head, raw)


def test_data_cannot_come_twice() -> None:
    with pytest.raises(RefusedError, match="has both data and binary_data_size"):
        parse({"inputs": [tensor(parameters={"binary_data_size": 12})]}, bytes(DATA))


def test_a_json_part_longer_than_the_body_is_refused() -> None:
    with pytest.raises(RefusedError, match="is 99, but the body has 2 bytes"):
        parse_request(b"{}", header_length=99, outputs=KNOWN, limits=Limits())


def test_all_images_of_a_request_count_for_the_limit() -> None:
    assert parse({"inputs": [tensor()]}, max_pixels=4).images.shape == (2, 1, 2, 3)
    with pytest.raises(RefusedError, match="has 4 pixels in all; at most 3") as refused:
        parse({"inputs": [tensor()]}, max_pixels=3)
    assert refused.value.status == 413


def request_for(*outputs: WantedOutput, id: str | None = None) -> InferRequest:  # noqa: A002
    return InferRequest(id, np.zeros((2, 1, 2, 3), np.uint8), outputs)


CLASSES = np.array([[[0, 2]], [[1, 1]]], np.uint8)
SHARES = np.arange(12, dtype=np.float32).reshape(2, 3, 1, 2) / 16


def test_an_answer_as_json() -> None:
    answer = format_answer(
        request_for(WantedOutput("classes", False), id="7"), "tiny", {"classes": CLASSES}
    )
    assert answer.header_length is None
    assert json.loads(answer.content) == {
        "id": "7",
        "model_name": "tiny",
        "model_version": "1",
        "outputs": [
            {"name": "classes", "datatype": "UINT8", "shape": [2, 1, 2], "data": [0, 2, 1, 1]}
        ],
    }


def test_an_answer_in_binary_has_its_tensors_after_the_json_part_in_order() -> None:
    wanted = request_for(WantedOutput("probabilities", True), WantedOutput("classes", True))
    answer = format_answer(wanted, "tiny", {"classes": CLASSES, "probabilities": SHARES})
    assert answer.header_length is not None
    head = json.loads(answer.content[: answer.header_length])
    sizes = [output["parameters"]["binary_data_size"] for output in head["outputs"]]
    assert sizes == [48, 4]
    raw = answer.content[answer.header_length :]
    assert (np.frombuffer(raw[:48], "<f4").reshape(SHARES.shape) == SHARES).all()
    assert raw[48:] == bytes([0, 2, 1, 1])


def test_probabilities_that_would_fill_the_memory_are_refused() -> None:
    wanted = request_for(WantedOutput("probabilities", True))
    check_answer_size(wanted, 3, Limits(max_probability_bytes=48))
    with pytest.raises(RefusedError, match="probabilities of 3 classes for 4 pixels") as refused:
        check_answer_size(wanted, 3, Limits(max_probability_bytes=47))
    assert refused.value.status == 413


def test_more_numbers_than_a_text_should_hold_are_refused() -> None:
    wanted = request_for(WantedOutput("classes", False), WantedOutput("probabilities", False))
    check_answer_size(wanted, 3, Limits(max_json_values=16))
    with pytest.raises(RefusedError, match="would hold 16 numbers as JSON; at most 15"):
        check_answer_size(wanted, 3, Limits(max_json_values=15))


def test_metadata_says_what_goes_in_and_out(brightest: Any, labels: LabelMap) -> None:
    assert model_metadata("tiny", Predictor(brightest(), labels)) == {
        "name": "tiny",
        "versions": ["1"],
        "platform": "tessella_brightest",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 3, -1, -1]}],
        "outputs": [
            {"name": "classes", "datatype": "UINT8", "shape": [-1, -1, -1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3, -1, -1]},
        ],
    }


def test_a_file_with_class_maps_alone_has_one_output(brightest: Any, labels: LabelMap) -> None:
    assert outputs_of(Predictor(brightest(has_probabilities=False), labels)) == ("classes",)
