"""The server's own routes, one by one."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tessella.predictor import Predictor
from tessella.serve.app import create_app
from tessella.serve.limits import Limits
from tessella.serve.security import Access
from tessella.serve.service import Service

ImageOf = Callable[..., np.ndarray]
FileOf = Callable[..., bytes]
PixelsOf = Callable[[bytes], np.ndarray]


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("path", ["/predict", "/models/tiny/predict", "/models/other/predict"])
def test_a_prediction_is_a_png_of_class_indices(
    house: Any, image_of: ImageOf, pixels_of: PixelsOf, path: str
) -> None:
    image = image_of(7, 11)
    answer = house.post_png(image, path)
    assert answer.headers["content-type"] == "image/png"
    assert (pixels_of(answer.content) == image.argmax(-1)).all()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 0),
        ("?picture=mask", 0),
        ("?picture=color", [200, 10, 20]),
        ("?picture=overlay&opacity=1", [200, 10, 20]),
        ("?picture=overlay&opacity=0", [250, 0, 0]),
    ],
)
def test_a_picture_is_chosen_by_the_query(
    house: Any, pixels_of: PixelsOf, query: str, expected: Any
) -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[..., 0] = 250
    answer = house.post_png(image, f"/predict{query}")
    assert pixels_of(answer.content)[0, 0].tolist() == expected


def test_json_names_the_classes_and_adds_pictures(
    house: Any, image_of: ImageOf, pixels_of: PixelsOf
) -> None:
    image = image_of(5, 6)
    answer = house.post_png(
        image,
        "/models/other/predict?include=mask&include=confidence&include=mask",
        headers={"Accept": "application/json"},
    )
    content = answer.json()
    assert content["model"] == "other"
    assert sum(row["pixels"] for row in content["classes"]) == 30
    assert (pixels_of(base64.b64decode(content["mask"])) == image.argmax(-1)).all()
    raised = image.astype(float) + 1
    best = (raised / raised.sum(-1, keepdims=True)).max(-1)
    confidence = pixels_of(base64.b64decode(content["confidence"]))
    np.testing.assert_allclose(confidence, best * 255, atol=0.5001)
    assert "overlay" not in content


def test_regions_come_as_geojson(house: Any) -> None:
    answer = house.post_png(
        np.zeros((2, 3, 3), np.uint8), headers={"Accept": "application/geo+json"}
    )
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    assert feature["properties"]["pixels"] == 6


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?picture=masks", "query picture: got 'masks'; Input should be 'mask'"),
        ("?opacity=2", "query opacity: got '2'; Input should be less than or equal to 1"),
        ("?opacity=-0.1", "greater than or equal to 0"),
        ("?opacity=nan", "query opacity: got 'nan'"),
        ("?opacity=much", "query opacity: got 'much'"),
        ("?include=all", "query include: got 'all'"),
        ("?pictur=mask", "no query parameter is called 'pictur'; did you mean 'picture'?"),
        ("?picture=mask&picture=color", "picture is there twice"),
    ],
)
def test_a_parameter_that_is_none_is_refused(
    house: Any, image_of: ImageOf, query: str, message: str
) -> None:
    answer = house.post_png(image_of(2, 2), f"/predict{query}")
    assert error(answer) == (422, "bad_parameter")
    assert message in answer.json()["error"]["message"]


def test_an_unknown_model_is_told_with_the_closest(house: Any, image_of: ImageOf) -> None:
    answer = house.post_png(image_of(2, 2), "/models/tinny/predict")
    assert error(answer) == (404, "unknown_model")
    assert "did you mean 'tiny'?" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/predict", "POST"), ("PUT", "/models", "GET"), ("DELETE", "/v2", "GET")],
)
def test_a_wrong_method_is_told_with_the_right_one(
    house: Any, method: str, path: str, allow: str
) -> None:
    answer = house.ask(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("path", ["/nowhere", "/predict/", "/models/a/b/predict", "/docs/x"])
def test_a_wrong_path_is_not_found(house: Any, path: str) -> None:
    assert error(house.ask("GET", path)) == (404, "not_found")


def test_models_are_listed_with_the_limits(make_house: Any) -> None:
    content = make_house(max_bytes=1234, max_pixels=5678).ask("GET", "/models").json()
    assert content["default"] == "tiny"
    assert [model["name"] for model in content["models"]] == ["tiny", "other"]
    assert content["limits"] == {"max_bytes": 1234, "max_pixels": 5678}


def test_the_card_of_a_trained_run_is_shown(tiny_run: Any, make_house: Any) -> None:
    from tessella.predictor import load

    service = Service(Limits(threads=1))
    service.open({"tiny": load(tiny_run.path, device="cpu")})
    house = make_house()._replace(app=create_app(service, Access()))
    (model,) = house.ask("GET", "/models").json()["models"]
    service.close()
    assert model["engine"] == "torch"
    assert model["licence"] == "no pretrained weights"
    assert 0 <= model["validation"]["mean_iou"] <= 1
    assert len(model["classes"]) == len({row["name"] for row in model["classes"]}) > 1


@pytest.mark.parametrize("prefix", ["", "/v2"])
def test_readiness_follows_the_phase_and_life_does_not(
    brightest: Any, labels: Any, make_house: Any, prefix: str
) -> None:
    service = Service(Limits(threads=1))
    house = make_house()._replace(app=create_app(service, Access()))

    def statuses() -> tuple[int, int]:
        paths = (f"{prefix}/health/live", f"{prefix}/health/ready")
        live, ready = (house.ask("GET", path).status_code for path in paths)
        return live, ready

    assert statuses() == (200, 503)
    service.open({"tiny": Predictor(brightest(), labels)})
    assert statuses() == (200, 200)
    service.drain()
    assert statuses() == (200, 503)
    service.close()


def test_while_loading_work_is_refused_with_a_time_to_come_back(
    make_house: Any, image_of: ImageOf
) -> None:
    service = Service(Limits(threads=1))
    house = make_house()._replace(app=create_app(service, Access()))
    answer = house.post_png(image_of(2, 2))
    assert error(answer) == (503, "loading")
    assert int(answer.headers["retry-after"]) >= 1
    assert house.ask("GET", "/models").status_code == 503
    service.close()


def test_metrics_are_prometheus_text(house: Any) -> None:
    answer = house.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE tessella_requests_total counter" in answer.text


def test_the_page_and_its_files_are_served(house: Any) -> None:
    index = house.ask("GET", "/")
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert house.ask("GET", "/page/index.html").content == index.content
    assert house.ask("GET", "/page/style.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "../server.py",
        "..%2Fserver.py",
        "%2e%2e/server.py",
        "..%5Cserver.py",
        "%2Fetc%2Fpasswd",
        "index.html%00",
        "",
        ".",
        "INDEX.HTML",
    ],
)
def test_no_other_file_is_ever_served(house: Any, name: str) -> None:
    answer = house.ask("GET", f"/page/{name}")
    assert answer.status_code == 404
    assert b"import" not in answer.content
