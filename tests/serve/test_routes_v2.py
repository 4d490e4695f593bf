"""The Open Inference Protocol over HTTP, asked by the client of another project."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

ImageOf = Callable[..., np.ndarray]


@pytest.fixture
def client(make_live: Any) -> Any:
    live = make_live()
    with triton.InferenceServerClient(f"127.0.0.1:{live.port}") as found:
        yield found


def planes(*images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))


def tensor(values: np.ndarray, *, is_binary: bool = True) -> Any:
    found = triton.InferInput("images", list(values.shape), "UINT8")
    found.set_data_from_numpy(values, binary_data=is_binary)
    return found


def test_the_server_and_its_model_are_live_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "2")
    assert not client.is_model_ready("huge")


def test_metadata_is_what_the_client_expects(client: Any) -> None:
    assert client.get_server_metadata()["name"] == "tessella"
    metadata = client.get_model_metadata("tiny", "1")
    assert metadata["inputs"][0]["shape"] == [-1, 3, -1, -1]
    index = client.get_model_repository_index()
    assert index == [{"name": "tiny", "version": "1", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize("sends_binary", [True, False])
def test_classes_and_probabilities_come_back_as_they_are(
    client: Any, image_of: ImageOf, is_binary: bool, sends_binary: bool
) -> None:
    images = [image_of(5, 7, seed=seed) for seed in (1, 2, 3)]
    outputs = [
        triton.InferRequestedOutput(name, binary_data=is_binary)
        for name in ("classes", "probabilities")
    ]
    found = client.infer(
        "tiny",
        [tensor(planes(*images), is_binary=sends_binary)],
        outputs=outputs,
        request_id="seven",
        model_version="1",
    )
    assert found.get_response()["id"] == "seven"
    classes, shares = found.as_numpy("classes"), found.as_numpy("probabilities")
    assert classes.dtype == np.uint8
    assert shares.dtype == np.float32
    for image, class_map, share in zip(images, classes, shares, strict=True):
        assert (class_map == image.argmax(-1)).all()
        raised = image.astype(np.float64) + 1
        expected = (raised / raised.sum(-1, keepdims=True)).transpose(2, 0, 1)
        np.testing.assert_allclose(share, expected, atol=1e-6)  # float32


def test_without_a_wish_all_outputs_come_in_binary(client: Any, image_of: ImageOf) -> None:
    found = client.infer("tiny", [tensor(planes(image_of(2, 3)))])
    assert found.as_numpy("classes").shape == (1, 2, 3)
    assert found.as_numpy("probabilities").shape == (1, 3, 2, 3)


def test_one_binary_and_one_in_json_fit_into_one_answer(client: Any, image_of: ImageOf) -> None:
    outputs = [
        triton.InferRequestedOutput("classes", binary_data=False),
        triton.InferRequestedOutput("probabilities", binary_data=True),
    ]
    found = client.infer("tiny", [tensor(planes(image_of(2, 3)))], outputs=outputs)
    assert found.as_numpy("classes").shape == (1, 2, 3)
    assert found.as_numpy("probabilities").shape == (1, 3, 2, 3)


def test_errors_reach_the_client_as_text(client: Any, image_of: ImageOf) -> None:
    wrong = triton.InferInput("pixels", [1, 3, 2, 3], "UINT8")
    wrong.set_data_from_numpy(planes(image_of(2, 3)))
    with pytest.raises(InferenceServerException, match="input 'pixels': the model takes 'images'"):
        client.infer("tiny", [wrong])
    with pytest.raises(InferenceServerException, match="no model is called 'huge'"):
        client.infer("huge", [tensor(planes(image_of(2, 3)))])
    with pytest.raises(InferenceServerException, match="has version 1 alone, not '2'"):
        client.infer("tiny", [tensor(planes(image_of(2, 3)))], model_version="2")
    with pytest.raises(InferenceServerException, match="not compressed"):
        client.infer("tiny", [tensor(planes(image_of(2, 3)))], request_compression_algorithm="gzip")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999", "٣"])
def test_a_header_length_that_is_none_is_refused(house: Any, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length.encode()}
    answer = house.ask("POST", "/v2/models/tiny/infer", content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert "Inference-Header-Content-Length is" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"ready": true}'])
def test_the_index_may_be_asked_with_or_without_a_body(house: Any, body: bytes) -> None:
    answer = house.ask("POST", "/v2/repository/index", content=body)
    assert [row["name"] for row in answer.json()] == ["tiny", "other"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"ready": 1}', b'{"x": true}', b"[" * 100_000])
def test_the_index_takes_no_other_body(house: Any, body: bytes) -> None:
    assert house.ask("POST", "/v2/repository/index", content=body).status_code == 400


@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/models/huge", "/v2/models/tiny/versions/2"])
def test_what_there_is_not_has_the_protocols_shape(house: Any, path: str) -> None:
    answer = house.ask("GET", path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}
