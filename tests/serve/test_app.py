"""The application as a whole: no error but ours leaves it."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    "path", ["/", "/models", "/v2", "/docs", "/openapi.json", "/nowhere", "/v2/nowhere"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_on_every_path_has_an_answer_of_our_shape(
    house: Any, method: str, path: str
) -> None:
    answer = house.ask(method, path)
    if answer.status_code == 200:
        return
    assert answer.status_code in (404, 405)
    error = answer.json()["error"]
    is_v2 = path.startswith("/v2")
    assert isinstance(error, str) if is_v2 else set(error) == {"status", "code", "message"}


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
def test_pages_that_load_from_elsewhere_are_off(house: Any, path: str) -> None:
    assert house.ask("GET", path).status_code == 404


def test_a_path_with_a_slash_too_many_is_not_redirected(house: Any) -> None:
    answer = house.ask("GET", "/models/", follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers
