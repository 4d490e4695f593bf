"""The server's own routes: predictions, the models, health, metrics, and the page."""

from collections.abc import Collection, Mapping
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from tessella.serve import openapi
from tessella.serve.answers import Include, Picture
from tessella.serve.docs_page import docs_page
from tessella.serve.measures import CONTENT_TYPE
from tessella.serve.page_files import INDEX, PageFile
from tessella.serve.refusal import RefusedError, echoed
from tessella.serve.service import Service
from tessella.serve.work import Wishes, predict
from tessella.suggestion import did_you_mean

_OPTIONS = {"picture": False, "opacity": False, "include": True}  # name -> may be repeated
_PREDICT_ERRORS = (403, 404, 406, 408, 413, 415, 422, 429, 503, 504)
_NO_CACHE = {"Cache-Control": "no-cache"}

PictureQuery = Annotated[
    Picture, Query(description="For image/png: class indices, colours, or colours over the image.")
]
OpacityQuery = Annotated[
    float, Query(ge=0, le=1, allow_inf_nan=False, description="Of the colours in an overlay.")
]
IncludeQuery = Annotated[
    tuple[Include, ...], Query(description="For application/json: pictures to add, base64 PNG.")
]


def add_prediction(app: FastAPI, service: Service) -> None:
    """POST /predict for the default model, and /models/NAME/predict for each."""
    responses = openapi.answers(ok=openapi.PREDICTION, errors=_PREDICT_ERRORS)

    @app.post(
        "/predict",
        summary="Classes of an image, by the default model",
        responses=responses,
        openapi_extra=dict(openapi.PREDICT_BODY),
        response_class=Response,
        tags=["predict"],
    )
    async def predict_by_default(
        request: Request,
        picture: PictureQuery = "mask",
        opacity: OpacityQuery = 0.6,
        include: IncludeQuery = (),
    ) -> Response:
        return await _answer(service, request, None, _wishes(request, picture, opacity, include))

    @app.post(
        "/models/{name}/predict",
        summary="Classes of an image, by a model",
        responses=responses,
        openapi_extra=dict(openapi.PREDICT_BODY),
        response_class=Response,
        tags=["predict"],
    )
    async def predict_by_name(
        request: Request,
        name: str,
        picture: PictureQuery = "mask",
        opacity: OpacityQuery = 0.6,
        include: IncludeQuery = (),
    ) -> Response:
        return await _answer(service, request, name, _wishes(request, picture, opacity, include))


def add_models(app: FastAPI, service: Service) -> None:
    """GET /models."""
    schema = openapi.object_of(
        {
            "default": {"type": "string"},
            "models": openapi.list_of({"$ref": "#/components/schemas/Model"}),
            "limits": openapi.object_of(
                {"max_bytes": {"type": "integer"}, "max_pixels": {"type": "integer"}}
            ),
        }
    )

    @app.get(
        "/models",
        summary="The models, their classes and limits",
        responses=openapi.answers(ok=openapi.json_answer("The models.", schema), errors=(503,)),
        tags=["models"],
    )
    async def models() -> Response:
        default = service.model(None).name
        listed = await service.in_pool(lambda: [m.document() for m in service.models.values()])
        limits = {"max_bytes": service.limits.max_bytes, "max_pixels": service.limits.max_pixels}
        return JSONResponse({"default": default, "models": listed, "limits": limits})


def add_health(app: FastAPI, service: Service) -> None:
    """Liveness, readiness and metrics."""
    ok = openapi.json_answer("Yes.", openapi.object_of({"status": {"type": "string"}}))

    @app.get(
        "/health/live",
        summary="Whether the server runs",
        responses=openapi.answers(ok=ok, errors=()),
        tags=["health"],
    )
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @app.get(
        "/health/ready",
        summary="Whether the server takes new work",
        responses=openapi.answers(ok=ok, errors=(503,)),
        tags=["health"],
    )
    async def ready() -> Response:
        service.refuse_unless_ready()
        return JSONResponse({"status": "ready"})

    @app.get(
        "/metrics",
        summary="Counters for Prometheus",
        responses=openapi.answers(
            ok={
                "description": "Text in Prometheus' format.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            errors=(),
        ),
        response_class=Response,
        tags=["health"],
    )
    async def metrics() -> Response:
        return Response(service.measures.text(), headers={"Content-Type": CONTENT_TYPE})


def add_page(app: FastAPI, files: Mapping[str, PageFile]) -> None:
    """The page, its files, and a plain page about the routes.

    Args:
        app: to add to.
        files: the only ones there are; a path is looked up among their names and nowhere else.
    """

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return _file(files, INDEX)

    @app.get("/page/{name}", include_in_schema=False)
    async def page(name: str) -> Response:
        return _file(files, name)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()))


def _file(files: Mapping[str, PageFile], name: str) -> Response:
    if name not in files:
        raise RefusedError("not_found", "there is no such page; the routes are listed at /docs.")
    found = files[name]
    return Response(found.content, media_type=found.media_type, headers=_NO_CACHE)


def _wishes(
    request: Request, picture: Picture, opacity: float, include: Collection[Include]
) -> Wishes:
    """What was asked for; a misspelt or doubled option is refused rather than passed over."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in _OPTIONS:
            clue = did_you_mean(name[:80], _OPTIONS) or "."
            raise RefusedError(
                "bad_parameter",
                f"no query parameter is called {echoed(name)}{clue} Known: {', '.join(_OPTIONS)}.",
            )
        if names.count(name) > 1 and not _OPTIONS[name]:
            raise RefusedError("bad_parameter", f"{name} is there twice; give it once.")
    return Wishes(request.headers.get("accept"), picture, opacity, tuple(dict.fromkeys(include)))


async def _answer(service: Service, request: Request, name: str | None, wishes: Wishes) -> Response:
    media_type, content = await predict(service, request, name, wishes=wishes)
    return Response(content, media_type=media_type)
