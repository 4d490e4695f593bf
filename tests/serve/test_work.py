"""One prediction from upload to answer, alone and in a crowd."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

ImageOf = Callable[..., np.ndarray]
FileOf = Callable[..., bytes]
PNG_BODY = {"Content-Type": "image/png"}


def ask_all(house: Any, contents: list[bytes], **options: Any) -> list[httpx.Response]:
    """All at once, in one event loop."""

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {**PNG_BODY, **options.pop("headers", {})}
            return await asyncio.gather(
                *(
                    client.post("/predict", content=content, headers=headers, **options)
                    for content in contents
                )
            )

    return asyncio.run(crowd())


def test_32_clients_at_once_get_each_their_own_answer(
    make_house: Any,
    image_of: ImageOf,
    file_of: FileOf,
    pixels_of: Callable[[bytes], np.ndarray],
) -> None:
    house = make_house()
    house.backend.seconds = 0.005
    images = [image_of(20 + number % 3, 30, seed=number) for number in range(32)]
    answers = ask_all(house, [file_of(image) for image in images])
    assert [answer.status_code for answer in answers] == [200] * 32
    for image, answer in zip(images, answers, strict=True):
        assert (pixels_of(answer.content) == image.argmax(-1)).all()
    assert max(shape[0] for shape in house.backend.shapes) > 1  # some were computed together
    assert {shape[2:] for shape in house.backend.shapes} == {(20, 30), (21, 30), (22, 30)}
    assert house.service.num_in_flight == 0
    assert house.service.pixels.free == house.service.pixels.total


def keep_busy(house: Any) -> None:
    """Give the model an image that it holds on to until it may go."""
    house.backend.go.clear()
    image = np.zeros((1, 1, 1, 3), np.uint8)
    house.service.model(None).worker.submit("classes", image, deadline=time.monotonic() + 1e6)
    assert house.backend.began.wait(20)


def test_a_request_too_late_is_told_so_and_is_not_computed(
    make_house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    house = make_house(request_seconds=0.4)
    keep_busy(house)
    answers = ask_all(house, [file_of(image_of(4, 4, seed=seed)) for seed in range(3)])
    assert [answer.status_code for answer in answers] == [504] * 3
    assert answers[0].json()["error"]["code"] == "timeout"
    house.backend.go.set()
    assert house.post_png(image_of(4, 4)).status_code == 200
    assert len(house.backend.shapes) == 2  # the one that kept it busy, and the last


def test_a_full_queue_is_told_with_a_time_to_come_back(
    make_house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    house = make_house(queue_length=2, request_seconds=1.0)
    keep_busy(house)
    answers = ask_all(house, [file_of(image_of(4, 4))] * 8)
    found = sorted(answer.status_code for answer in answers)
    assert found == [429] * 6 + [504] * 2  # two waited in vain
    full = next(answer for answer in answers if answer.status_code == 429)
    assert full.headers["retry-after"] == "1"
    assert full.json()["error"]["code"] == "queue_full"
    house.backend.go.set()


def test_images_wait_packed_while_others_fill_the_memory(
    make_house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    house = make_house(max_pixels=100)  # four images of this size may be unpacked at one time
    answers = ask_all(house, [file_of(image_of(10, 10, seed=seed)) for seed in range(12)])
    assert [answer.status_code for answer in answers] == [200] * 12


def test_who_leaves_is_not_computed_and_holds_nothing(
    make_house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    house = make_house(max_batch=1)
    house.backend.go.clear()

    async def story() -> None:
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asks = [
                asyncio.create_task(
                    client.post("/predict", content=file_of(image_of(4, 4)), headers=PNG_BODY)
                )
                for _ in range(3)
            ]
            while house.service.model(None).worker.num_waiting < 2:
                await asyncio.sleep(0.001)
            for ask in asks:
                ask.cancel()
            await asyncio.gather(*asks, return_exceptions=True)

    asyncio.run(story())
    assert house.service.num_in_flight == 0
    assert house.service.model(None).worker.num_waiting == 0
    assert house.service.pixels.free == house.service.pixels.total
    house.backend.go.set()


def test_results_in_a_batch_equal_those_alone(
    make_house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    house = make_house(batch_wait_seconds=0.5)
    contents = [file_of(image_of(16, 16, seed=seed)) for seed in range(6)]
    options = {"headers": {"Accept": "application/json"}}
    together = ask_all(house, contents, **options)
    assert any(shape[0] > 1 for shape in house.backend.shapes)
    alone = [ask_all(house, [content], **options)[0] for content in contents]
    assert [answer.json() for answer in together] == [answer.json() for answer in alone]


def test_a_mask_of_another_size_is_refused_before_anything_is_computed(
    house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    files = {
        "image": ("a.png", file_of(image_of(4, 6))),
        "mask": ("m.png", file_of(np.zeros((6, 4), np.uint8))),
    }
    answer = house.ask("POST", "/predict", files=files)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable_mask")
    assert "is 6x4 but the image is 4x6" in answer.text
    assert house.backend.shapes == []


def test_a_mask_is_scored_in_json_whatever_else_is_accepted(
    house: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    image = image_of(4, 6)
    files = {
        "image": ("a.png", file_of(image)),
        "mask": ("m.png", file_of(image.argmax(-1).astype(np.uint8))),
    }
    answer = house.ask("POST", "/predict", files=files, headers={"Accept": "*/*"})
    assert json.loads(answer.content)["scores"]["mean_iou"] == 1
    refused = house.ask("POST", "/predict", files=files, headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert "a mask is scored in application/json alone" in refused.text


def test_confidence_of_a_model_without_it_is_refused(
    make_house: Any, brightest: Any, image_of: ImageOf
) -> None:
    house = make_house(backend=brightest(has_probabilities=False))
    refused = house.post_png(
        image_of(4, 4), "/predict?include=confidence", headers={"Accept": "application/json"}
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_parameter")
    answer = house.post_png(image_of(4, 4), headers={"Accept": "application/json"})
    assert {row["mean_probability"] for row in answer.json()["classes"]} == {None}


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "application/xml"])
def test_an_answer_that_there_is_not_is_refused_before_the_body_is_read(
    house: Any, image_of: ImageOf, accept: str
) -> None:
    answer = house.post_png(image_of(4, 4), headers={"Accept": accept})
    assert (answer.status_code, answer.headers["connection"]) == (406, "close")
