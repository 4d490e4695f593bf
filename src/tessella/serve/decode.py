"""Uploads become pixels here, under the limits; all of it runs outside of the event loop."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tessella.data.header import Size, is_cut_short
from tessella.data.images import decode_image
from tessella.serve.formats import CONTENT_TYPES, Format, format_of, holds_several, size_of
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError, echoed

TAKEN = "JPEG, PNG, WebP, TIFF and BMP"
_SAYS_NOTHING = (None, "", "application/octet-stream")


class Upload(NamedTuple):
    """A file as it came."""

    what: str
    """image or mask, for messages."""

    content: bytes
    declared: str | None
    """Its content type, where the client gave one."""


def look_at(upload: Upload, limits: Limits) -> Size:
    """The size that a file's header states, once all is checked that the header tells.

    Raises:
        RefusedError: the file is empty, of another format than taken or than declared, an
            animation, or too large; or its header is damaged.
    """
    content, what = upload.content, upload.what
    if not content:
        raise _unreadable(what, "is empty; send a file that holds a picture.")
    kind = _checked_format(upload)
    size = size_of(content, kind)
    if size is None or min(size) < 1:
        raise _unreadable(
            what, f"its header is damaged, or it is cut short; export the {kind.upper()} again."
        )
    if size.height * size.width > limits.max_pixels:
        raise RefusedError(
            "too_many_pixels",
            f"{what}: is {size.height}x{size.width} (height x width); at most "
            f"{limits.max_pixels / 1e6:g} megapixels are taken; scale it down or cut it up.",
        )
    if holds_several(content, kind):
        raise _unreadable(what, "holds several pictures; send one, without animation or pages.")
    return size


def decode(upload: Upload, size: Size) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of an image that was looked at, as RGB, upright; what follows them is dropped.

    Args:
        upload: the file.
        size: as its header states it.

    Raises:
        RefusedError: it is damaged, or unpacks to another size than it states.
    """
    try:
        image = decode_image(upload.content, where=upload.what)
    except ValueError as error:
        # the decoder's own words stay here: they may tell of the machine
        how = "cut short" if is_cut_short(upload.content) else "damaged"
        raise _unreadable(
            upload.what,
            f"cannot be read, it is {how} or of a kind that we do not know; export it again as "
            "8-bit PNG or JPEG.",
        ) from error
    if image.shape[0] * image.shape[1] != size.height * size.width:
        raise _unreadable(
            upload.what, "unpacks to another size than its header states; export it again."
        )
    return image


def _checked_format(upload: Upload) -> Format:
    kind = format_of(upload.content)
    if kind is None:
        raise RefusedError(
            "unsupported_type",
            f"{upload.what}: is none of the formats taken, {TAKEN}; convert it.",
        )
    if upload.declared not in _SAYS_NOTHING and CONTENT_TYPES.get(upload.declared or "") != kind:
        raise RefusedError(
            "unsupported_type",
            f"{upload.what}: is a {kind.upper()} but is sent as {echoed(upload.declared or '')}; "
            "send it with its own content type.",
        )
    return kind


def _unreadable(what: str, why: str) -> RefusedError:
    code = "unreadable_mask" if what == "mask" else "unreadable_image"
    return RefusedError(code, f"{what}: {why}")
