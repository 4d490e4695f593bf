"""The application: all routes behind one gate."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tessella import __version__
from tessella.serve import routes
from tessella.serve.gate import Gate
from tessella.serve.openapi import secured
from tessella.serve.page_files import page_files
from tessella.serve.refusal import RefusedError, echoed
from tessella.serve.routes_v2 import router_v2
from tessella.serve.security import Access
from tessella.serve.service import Service

_ABOUT = "Class maps of images. See /docs, or the Open Inference Protocol below /v2."


class _App(FastAPI):
    """Routes whose OpenAPI document says all that they do."""

    has_key = False

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = secured(super().openapi(), has_key=self.has_key)
        return self.openapi_schema


def create_app(service: Service, access: Access) -> FastAPI:
    """The server's application.

    Args:
        service: its models, now or later.
        access: who may ask.
    """
    app = _App(
        title="Tessella",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # FastAPI's pages load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # ours lies behind the gate like every route
        redirect_slashes=False,
        exception_handlers={
            HTTPException: _refuse_by_status,
            RequestValidationError: _refuse_parameter,
        },
    )
    app.has_key = access.api_key is not None
    routes.add_prediction(app, service)
    routes.add_models(app, service)
    routes.add_health(app, service)
    routes.add_page(app, page_files())
    app.include_router(router_v2(service))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    app.add_middleware(Gate, access=access, measures=service.measures)
    return app


async def _refuse_by_status(request: Request, error: HTTPException) -> Response:
    """The router's own refusals in our words: raised again, for the gate to answer."""
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        raise RefusedError(
            "wrong_method", f"{request.method} is not for this path; use {allow}.", allow=allow
        )
    if error.status_code == 404:
        raise RefusedError("not_found", "there is no such path; the routes are listed at /docs.")
    raise error


async def _refuse_parameter(
    request: Request,  # noqa: ARG001 - handlers are given it
    error: RequestValidationError,
) -> Response:
    """A parameter of another form than documented, in one line."""
    first = error.errors()[0]
    place, *name = (str(part) for part in first["loc"])
    raise RefusedError(
        "bad_parameter",
        f"{place} {'.'.join(name[:1])}: got {echoed(str(first.get('input')))}; {first['msg']}.",
    )
