"""The routes of the Open Inference Protocol, version 2."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tessella.serve import openapi
from tessella.serve.body import read_bytes
from tessella.serve.infer_v2 import VERSION, model_metadata, server_metadata
from tessella.serve.refusal import RefusedError, echoed
from tessella.serve.service import ServedModel, Service
from tessella.serve.work import infer

HEADER_LENGTH = "Inference-Header-Content-Length"
_INFER_ERRORS = (400, 403, 404, 408, 413, 415, 429, 503, 504)
_BOOLEAN = {"type": "boolean"}
_TEXT = {"type": "string"}


def _answers(ok: Mapping[str, Any], *, errors: tuple[int, ...] = ()) -> Any:
    return openapi.answers(ok=ok, errors=errors, shape="ErrorV2")


def router_v2(service: Service) -> APIRouter:
    """All of them."""
    router = APIRouter(tags=["Open Inference Protocol v2"])
    for add in (_add_server, _add_models, _add_model_health, _add_inference):
        add(router, service)
    return router


def _add_server(router: APIRouter, service: Service) -> None:
    """Metadata and health of the server, and the index of its models."""
    about = openapi.object_of(
        {"name": _TEXT, "version": _TEXT, "extensions": openapi.list_of(_TEXT)}
    )
    ok = openapi.json_answer("What the server is.", about)

    @router.get("/v2", summary="The server and its extensions", responses=_answers(ok))
    async def server() -> Response:
        return JSONResponse(server_metadata())

    ok = openapi.json_answer("Yes.", openapi.object_of({"live": _BOOLEAN}))

    @router.get("/v2/health/live", summary="Whether the server runs", responses=_answers(ok))
    async def live() -> Response:
        return JSONResponse({"live": True})

    ok = openapi.json_answer("Yes.", openapi.object_of({"ready": _BOOLEAN}))

    @router.get(
        "/v2/health/ready",
        summary="Whether it takes work",
        responses=_answers(ok, errors=(503,)),
    )
    async def ready() -> Response:
        service.refuse_unless_ready()
        return JSONResponse({"ready": True})

    row = openapi.object_of({"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT})
    ok = openapi.json_answer("The models.", openapi.list_of(row))
    body = {
        **openapi.object_of({"ready": _BOOLEAN}, optional=("ready",)),
        "additionalProperties": False,
    }

    @router.post(
        "/v2/repository/index",
        openapi_extra={
            "requestBody": {"required": False, "content": {"application/json": {"schema": body}}}
        },
        summary="The models",
        responses=_answers(ok, errors=(400, 403, 408, 413, 415, 503)),
    )
    async def index(request: Request) -> Response:
        with service.admitted() as ticket:
            _check_index(await read_bytes(request, ticket, service.limits))
            # all that are listed are ready, so that asking for the ready ones changes nothing
            return JSONResponse(
                [
                    {"name": name, "version": VERSION, "state": "READY", "reason": ""}
                    for name in service.models
                ]
            )


def _add_models(router: APIRouter, service: Service) -> None:
    """Metadata of a model, with and without a version."""
    tensor = openapi.object_of(
        {"name": _TEXT, "datatype": _TEXT, "shape": openapi.list_of({"type": "integer"})}
    )
    about = openapi.object_of(
        {
            "name": _TEXT,
            "versions": openapi.list_of(_TEXT),
            "platform": _TEXT,
            "inputs": openapi.list_of(tensor),
            "outputs": openapi.list_of(tensor),
        }
    )
    ok = openapi.json_answer("What the model takes and gives.", about)
    answers = _answers(ok, errors=(404, 503))

    @router.get("/v2/models/{name}", summary="A model's tensors", responses=answers)
    async def model(name: str) -> Response:
        return JSONResponse(model_metadata(name, service.model(name).predictor))

    @router.get(
        "/v2/models/{name}/versions/{version}", summary="A model's tensors", responses=answers
    )
    async def model_version(name: str, version: str) -> Response:
        return JSONResponse(model_metadata(name, _versioned(service, name, version).predictor))


def _add_model_health(router: APIRouter, service: Service) -> None:
    """Readiness of a model, with and without a version."""
    ok = openapi.json_answer("Yes.", openapi.object_of({"name": _TEXT, "ready": _BOOLEAN}))
    answers = _answers(ok, errors=(404, 503))

    @router.get("/v2/models/{name}/ready", summary="Whether it takes work", responses=answers)
    async def model_ready(name: str) -> Response:
        return _ready(service, service.model(name))

    @router.get(
        "/v2/models/{name}/versions/{version}/ready",
        summary="Whether it takes work",
        responses=answers,
    )
    async def model_version_ready(name: str, version: str) -> Response:
        return _ready(service, _versioned(service, name, version))


def _add_inference(router: APIRouter, service: Service) -> None:
    """Inference, with and without a version."""
    answers = _answers(openapi.INFER_ANSWER, errors=_INFER_ERRORS)

    @router.post(
        "/v2/models/{name}/infer",
        summary="Classes of image tensors",
        responses=answers,
        openapi_extra=dict(openapi.INFER_BODY),
    )
    async def infer_by_name(request: Request, name: str) -> Response:
        return await _inferred(service, request, name)

    @router.post(
        "/v2/models/{name}/versions/{version}/infer",
        summary="Classes of image tensors",
        responses=answers,
        openapi_extra=dict(openapi.INFER_BODY),
    )
    async def infer_by_version(request: Request, name: str, version: str) -> Response:
        return await _inferred(service, request, _versioned(service, name, version).name)


async def _inferred(service: Service, request: Request, name: str) -> Response:
    answer = await infer(service, request, name, header_length=_header_length(request))
    if answer.header_length is None:
        return Response(answer.content, media_type="application/json")
    headers = {HEADER_LENGTH: str(answer.header_length)}
    return Response(answer.content, media_type="application/octet-stream", headers=headers)


def _header_length(request: Request) -> int | None:
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise RefusedError(
            "bad_tensor",
            f"{HEADER_LENGTH} is {echoed(text)}; expected the number of bytes of the JSON part.",
        )
    return int(text)


def _versioned(service: Service, name: str, version: str) -> ServedModel:
    model = service.model(name)
    if version != VERSION:
        raise RefusedError(
            "unknown_model", f"{model.name} has version {VERSION} alone, not {echoed(version)}."
        )
    return model


def _ready(service: Service, model: ServedModel) -> Response:
    service.refuse_unless_ready()
    return JSONResponse({"name": model.name, "ready": True})


def _check_index(body: bytes) -> None:
    if not body:
        return
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("bad_request", "the body is no JSON; leave it empty.") from error
    known = isinstance(content, dict) and set(content) <= {"ready"}
    if not known or not isinstance(content.get("ready", False), bool):
        raise RefusedError("bad_request", "expected {}, or {'ready': true}; or leave it empty.")
