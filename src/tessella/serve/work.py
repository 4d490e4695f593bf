"""One prediction, from the upload to the answer: read, decode, queue, compute, write."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request

from tessella.model_card import CLASSES, PROBABILITIES
from tessella.serve import infer_v2
from tessella.serve.accept import preferred
from tessella.serve.answers import (
    GEOJSON,
    JSON,
    OFFERS,
    PNG,
    Include,
    Picture,
    Predicted,
    document,
    geojson,
    png,
)
from tessella.serve.batching import DeadlineError, QueueFullError
from tessella.serve.body import Uploads, read_bytes, read_uploads
from tessella.serve.decode import decode, look_at
from tessella.serve.infer_v2 import InferAnswer, InferRequest
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError
from tessella.serve.service import Computed, ServedModel, Service, Want, queue_full
from tessella.serve.truth import decode_truth

T = TypeVar("T")


@dataclass(frozen=True)
class Wishes:
    """How the answer shall look."""

    accept: str | None
    """The Accept header."""

    picture: Picture = "mask"
    opacity: float = 0.6
    """Of the colours in an overlay, 0..1."""

    include: tuple[Include, ...] = ()
    """Pictures inside of a JSON document."""


async def predict(
    service: Service, request: Request, name: str | None, *, wishes: Wishes
) -> tuple[str, bytes]:
    """The answer to an uploaded image: its media type and its content.

    Args:
        service: holds the models.
        request: its body is not read yet.
        name: of the model; None: the default.
        wishes: how the answer shall look.

    Raises:
        RefusedError: whatever hinders it.
    """
    with service.admitted() as ticket:
        model = _model_with_room(service, name)
        _check_wishes(model, wishes)
        uploads = await read_uploads(request, ticket, service.limits)
        media_type = _media_type(wishes, has_mask=uploads.mask is not None)
        work = _predicted(service, model, uploads, media_type=media_type, wishes=wishes)
        return media_type, await _unless_client_leaves(request, work)


async def infer(
    service: Service, request: Request, name: str, *, header_length: int | None
) -> InferAnswer:
    """The answer to a request of the Open Inference Protocol.

    Args:
        service: holds the models.
        request: its body is not read yet.
        name: of the model.
        header_length: bytes of JSON before binary tensors; None: all of it is JSON.

    Raises:
        RefusedError: whatever hinders it.
    """
    with service.admitted() as ticket:
        model = _model_with_room(service, name)
        body = await read_bytes(request, ticket, service.limits)
        work = _inferred(service, model, body, header_length=header_length)
        return await _unless_client_leaves(request, work)


def _model_with_room(service: Service, name: str | None) -> ServedModel:
    """The model, unless so many wait for it that reading the body would be in vain."""
    model = service.model(name)
    try:
        model.worker.refuse_if_full()
    except QueueFullError as error:
        raise queue_full(model) from error
    return model


def _check_wishes(model: ServedModel, wishes: Wishes) -> None:
    if preferred(wishes.accept, OFFERS) is None:
        raise RefusedError("not_acceptable", f"Accept fits none of {', '.join(OFFERS)}.")
    if "confidence" in wishes.include and not model.predictor.backend.has_probabilities:
        raise RefusedError(
            "bad_parameter",
            f"include=confidence: {model.name} gives class maps only; leave it out, or export the "
            "model with --add probabilities.",
        )


def _media_type(wishes: Wishes, *, has_mask: bool) -> str:
    offers = (JSON,) if has_mask else OFFERS
    found = preferred(wishes.accept, offers)
    if found is None:
        raise RefusedError(
            "not_acceptable",
            f"a mask is scored in {JSON} alone; accept that, or leave the mask out.",
        )
    return found


async def _predicted(
    service: Service, model: ServedModel, uploads: Uploads, *, media_type: str, wishes: Wishes
) -> bytes:
    labels, limits = model.predictor.labels, service.limits
    wants_confidence = media_type == JSON and model.predictor.backend.has_probabilities
    want: Want = "confidence" if wants_confidence else "classes"
    async with _in_time(limits):
        size = await service.in_pool(look_at, uploads.image, limits)
        if uploads.mask is not None:
            await service.in_pool(look_at, uploads.mask, limits)
        # waits here, still packed, while the images of others fill the memory
        async with service.pixels.held(size.height * size.width):
            with model.worker.expecting_one():
                image = await service.in_pool(decode, uploads.image, size)
                truth = None
                if uploads.mask is not None:
                    at = (image.shape[0], image.shape[1])
                    truth = await service.in_pool(
                        decode_truth, uploads.mask.content, labels, size=at
                    )
                waiting = service.submit(model, want, image[None])
            (computed,) = await waiting
            found = Predicted(
                image=image,
                class_map=computed.class_map,
                labels=labels,
                model=model.name,
                confidence=computed.confidence,
                mean_probability=computed.mean_probability,
                truth=truth,
            )
            return await service.in_pool(_written, found, media_type, wishes)


def _written(found: Predicted, media_type: str, wishes: Wishes) -> bytes:
    if media_type == PNG:
        return png(found, wishes.picture, opacity=wishes.opacity)
    if media_type == GEOJSON:
        return geojson(found)
    return document(found, wishes.include, opacity=wishes.opacity)


async def _inferred(
    service: Service, model: ServedModel, body: bytes, *, header_length: int | None
) -> InferAnswer:
    limits, predictor = service.limits, model.predictor
    async with _in_time(limits):
        request = await service.in_pool(
            infer_v2.parse_request,
            body,
            header_length=header_length,
            outputs=infer_v2.outputs_of(predictor),
            limits=limits,
        )
        infer_v2.check_answer_size(request, predictor.labels.num_classes, limits)
        count, height, width = request.images.shape[:3]
        async with service.pixels.held(count * height * width):
            want: Want = "probabilities" if request.wants_probabilities else "classes"
            computed = await service.submit(model, want, request.images)
            return await service.in_pool(_formatted, request, model.name, computed)


def _formatted(request: InferRequest, model: str, computed: list[Computed]) -> InferAnswer:
    tensors = {CLASSES: np.stack([found.class_map for found in computed])}
    if request.wants_probabilities:
        shares = [found.probabilities for found in computed if found.probabilities is not None]
        tensors[PROBABILITIES] = np.stack(shares)
    return infer_v2.format_answer(request, model, tensors)


@asynccontextmanager
async def _in_time(limits: Limits) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limits.request_seconds):
            yield
    except (TimeoutError, DeadlineError) as error:
        raise RefusedError(
            "timeout",
            f"no answer within {limits.request_seconds:g} seconds; send a smaller image, or try "
            "when the server has less to do.",
        ) from error


async def _unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; it is given up when nobody waits for it any more."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_client_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise RefusedError("client_left", "the client left.")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _client_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
