"""A request's body, read under the limits: never more than allowed, never for longer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from tessella.serve.budget import Ticket
from tessella.serve.decode import Upload
from tessella.serve.formats import CONTENT_TYPES
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError, echoed
from tessella.suggestion import did_you_mean

FORM = "multipart/form-data"
_FIELDS = ("image", "mask")
_TEXT_BYTES = 1024  # of a field that is no file; none is known, so that this is for the message


class Uploads(NamedTuple):
    """What a request for a prediction carries."""

    image: Upload
    mask: Upload | None


class _InMemory(MultiPartParser):
    spool_max_size = 0  # never on disk: the body is bounded


async def read_bytes(request: Request, ticket: Ticket, limits: Limits) -> bytes:
    """The whole body.

    Raises:
        RefusedError: it is too large, too slow or compressed, or the client left.
    """
    async with _in_time(limits):
        return b"".join([chunk async for chunk in _chunks(request, ticket, limits)])


async def read_uploads(request: Request, ticket: Ticket, limits: Limits) -> Uploads:
    """Image and mask, from a form or from the body itself.

    Raises:
        RefusedError: as `read_bytes`; or it is no image and no form, or the form holds other
            than the files `image` and `mask`.
    """
    kind = media_type(request.headers.get("content-type"))
    if kind == FORM:
        return await _from_form(request, ticket, limits)
    if kind not in CONTENT_TYPES:
        raise RefusedError(
            "unsupported_type",
            f"content type is {echoed(kind) if kind else 'missing'}; expected {FORM}, or one of "
            f"{', '.join(CONTENT_TYPES)} with the file as the body.",
        )
    return Uploads(Upload("image", await read_bytes(request, ticket, limits), kind), None)


def media_type(content_type: str | None) -> str:
    """A Content-Type header without its parameters, lower case; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


@asynccontextmanager
async def _in_time(limits: Limits) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limits.body_seconds):
            yield
    except TimeoutError as error:
        raise RefusedError(
            "slow_body",
            f"the body did not arrive within {limits.body_seconds:g} seconds; send a smaller file.",
        ) from error
    except ClientDisconnect as error:
        raise RefusedError("client_left", "the client left.") from error


async def _chunks(request: Request, ticket: Ticket, limits: Limits) -> AsyncGenerator[bytes, None]:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise RefusedError(
            "unsupported_type",
            f"content encoding is {echoed(encoding)}; send the file as it is, not compressed.",
        )
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > limits.max_bytes:
        raise _too_many(limits)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limits.max_bytes:
            raise _too_many(limits)
        ticket.take_bytes(len(chunk))
        yield chunk


def _too_many(limits: Limits) -> RefusedError:
    return RefusedError(
        "too_many_bytes",
        f"the body is larger than {limits.max_bytes / 1e6:g} MB; send a smaller file.",
    )


async def _from_form(request: Request, ticket: Ticket, limits: Limits) -> Uploads:
    chunks = _chunks(request, ticket, limits)
    parser = _InMemory(
        request.headers, chunks, max_files=4, max_fields=4, max_part_size=_TEXT_BYTES
    )
    try:
        async with _in_time(limits):
            form = await parser.parse()
    except MultiPartException as error:
        raise _bad_form(f"the form cannot be read ({error.message})") from error
    finally:
        await chunks.aclose()
    try:
        return await _uploads_in(form)
    finally:
        await form.close()


async def _uploads_in(form: FormData) -> Uploads:
    found: dict[str, Upload] = {}
    for name, value in form.multi_items():
        if name not in _FIELDS:
            clue = did_you_mean(name[:80], _FIELDS) or ";"
            raise _bad_form(f"no field is called {echoed(name)}{clue} known: image, mask")
        if name in found:
            raise _bad_form(f"field {name} is there twice")
        if not isinstance(value, UploadFile):
            raise _bad_form(f"field {name} is text; expected a file, with a file name")
        found[name] = Upload(name, await value.read(), media_type(value.content_type))
    if "image" not in found:
        raise _bad_form("the form lacks the file 'image', or ends too early")
    return Uploads(found["image"], found.get("mask"))


def _bad_form(why: str) -> RefusedError:
    return RefusedError("bad_form", f"{why.rstrip('.')}; send -F image=@photo.jpg.")
