"""Every answer leaves through the gate: with its headers, counted, and never with a traceback."""

import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tessella.serve.security import HEADERS, Access

ImageOf = Callable[..., np.ndarray]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/nowhere"), ("GET", "/predict"), ("POST", "/predict"), ("GET", "/v2")],
)
def test_the_security_headers_are_on_every_answer(house: Any, method: str, path: str) -> None:
    answer = house.ask(method, path)
    assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)


def test_answers_are_not_stored_but_the_pages_files_may_be_asked_again(house: Any) -> None:
    assert house.ask("GET", "/models").headers["cache-control"] == "no-store"
    assert house.ask("GET", "/").headers["cache-control"] == "no-cache"


def test_a_failure_has_a_number_that_the_log_repeats_and_tells_nothing(
    house: Any, image_of: ImageOf, caplog: pytest.LogCaptureFixture
) -> None:
    house.backend.fails_on = 7
    image = image_of(4, 4)
    image[0, 0] = 7
    with caplog.at_level(logging.ERROR, "tessella.serve"):
        answer = house.post_png(image)
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "failure"
    number = re.fullmatch(
        r"the server failed; its log tells more under ([0-9a-f]{8})\.", error["message"]
    )
    assert number is not None
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert f"failure {number[1]}: POST /predict" in caplog.text
    assert "/secret/place: the engine broke" in caplog.text


def test_below_v2_a_failure_has_the_protocols_shape(house: Any) -> None:
    house.backend.fails_on = 0
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 3, 1, 1], "data": [0, 0, 0]}
    answer = house.ask("POST", "/v2/models/tiny/infer", json={"inputs": [tensor]})
    assert answer.status_code == 500
    assert set(answer.json()) == {"error"}
    assert "secret" not in answer.text


def test_requests_are_counted_by_template_whatever_path_they_ask_for(
    house: Any, image_of: ImageOf
) -> None:
    for number in range(5):
        house.ask("GET", f"/random/{number}")
        house.post_png(image_of(2, 2), f"/models/unknown{number}/predict")
    house.post_png(image_of(2, 2))
    text = house.ask("GET", "/metrics").text
    assert 'tessella_requests_total{route="other",status="404"} 5.0' in text
    assert 'tessella_requests_total{route="/models/{name}/predict",status="404"} 5.0' in text
    assert 'tessella_requests_total{route="/predict",status="200"} 1.0' in text
    assert 'tessella_refused_total{reason="unknown_model"} 5.0' in text
    assert "random" not in text


def test_a_named_site_may_ask_and_read(make_house: Any, image_of: ImageOf) -> None:
    site = "https://example.org"
    house = make_house(access=Access(api_key="0123456789", origins=(site,)))
    preflight = house.ask(
        "OPTIONS",
        "/predict",
        headers={"Origin": site, "Access-Control-Request-Method": "POST"},
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    headers = {"Origin": site, "Sec-Fetch-Site": "cross-site", "X-API-Key": "0123456789"}
    answer = house.post_png(image_of(2, 2), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == site
    refused = house.post_png(image_of(2, 2), headers={"Origin": site})
    assert refused.status_code == 401  # the page must be able to read why
    assert refused.headers["access-control-allow-origin"] == site


def test_a_strangers_preflight_is_refused(house: Any) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = house.ask("OPTIONS", "/predict", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_another_host_name_is_refused_even_for_the_page(house: Any) -> None:
    answer = house.ask("GET", "/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")


def test_what_is_refused_before_it_was_read_ends_the_connection(
    make_house: Any, image_of: ImageOf
) -> None:
    house = make_house(access=Access(api_key="0123456789"))
    assert house.post_png(image_of(2, 2)).headers["connection"] == "close"
    assert "connection" not in house.ask("GET", "/models").headers
