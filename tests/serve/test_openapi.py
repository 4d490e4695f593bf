"""The OpenAPI document says what is so: generated requests find nothing else."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis import openapi as openapi_generation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tessella.serve.security import Access

FileOf = Callable[..., bytes]
KEY = "a-key-of-some-length"


OPERATIONS = [
    ("POST", "/predict"),
    ("POST", "/models/{name}/predict"),
    ("GET", "/models"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/{name}"),
    ("GET", "/v2/models/{name}/ready"),
    ("GET", "/v2/models/{name}/versions/{version}"),
    ("GET", "/v2/models/{name}/versions/{version}/ready"),
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/models/{name}/infer"),
    ("POST", "/v2/models/{name}/versions/{version}/infer"),
]


def test_every_route_but_the_pages_is_in_the_document(house: Any) -> None:
    document = house.ask("GET", "/openapi.json").json()
    listed = {
        (method.upper(), path) for path, found in document["paths"].items() for method in found
    }
    assert listed == set(OPERATIONS)


def test_no_reference_leads_nowhere(house: Any) -> None:
    document = house.ask("GET", "/openapi.json").json()
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])


def test_a_key_is_in_the_document_where_one_is_asked_for(make_house: Any, house: Any) -> None:
    assert "securitySchemes" not in house.ask("GET", "/openapi.json").json()["components"]
    closed = make_house(access=Access(api_key=KEY))
    assert closed.ask("GET", "/openapi.json").status_code == 401
    document = closed.ask("GET", "/openapi.json", headers={"X-API-Key": KEY}).json()
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer"}
    assert document["paths"]["/predict"]["post"]["security"] == [{"key": []}, {"bearer": []}]
    assert document["paths"]["/health/live"]["get"]["security"] == []


def search(house: Any, method: str, path: str, *, mode: GenerationMode) -> None:
    """Ask what the document allows, or just not, and compare each answer with it."""
    schema = openapi_generation.from_asgi("/openapi.json", house.app, headers={"Host": "127.0.0.1"})
    # which bytes are an image, and how many numbers fill a shape, no schema can say
    left_out = [positive_data_acceptance] if method == "POST" else []

    @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy(generation_mode=mode), is_known=st.booleans())
    def ask(case: Any, is_known: bool) -> None:
        if is_known and "name" in (case.path_parameters or {}):
            case.path_parameters["name"] = "tiny"
        case.call_and_validate(headers={"Host": "127.0.0.1"}, excluded_checks=left_out)

    ask()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_requests_as_documented_find_nothing_undocumented(
    house: Any, method: str, path: str
) -> None:
    search(house, method, path, mode=GenerationMode.POSITIVE)


@pytest.mark.parametrize(("method", "path"), [op for op in OPERATIONS if op[0] == "POST"])
def test_requests_not_as_documented_are_refused(house: Any, method: str, path: str) -> None:
    search(house, method, path, mode=GenerationMode.NEGATIVE)


def test_a_document_of_the_schema_is_what_a_prediction_gives(house: Any, file_of: FileOf) -> None:
    schema = openapi_generation.from_asgi("/openapi.json", house.app, headers={"Host": "127.0.0.1"})
    case = schema["/predict"]["POST"].Case(
        body=file_of(np.zeros((3, 4, 3), np.uint8)),
        media_type="image/png",
        query={"include": ["mask", "confidence"]},
    )
    answer = case.call_and_validate(headers={"Host": "127.0.0.1", "Accept": "application/json"})
    assert answer.status_code == 200
