"""Ask a web server for a file: http and https only, and which failures may pass."""

import http.client
import re
import ssl
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import urlsplit

_CHUNK_BYTES = 1 << 20


class AddressError(Exception):
    """An address that will not do; the next one may."""


class CutOffError(Exception):
    """An attempt that failed in a way that may pass."""


class _HttpRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from the web to something else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _refuse_other_schemes(newurl)
        except AddressError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def ask(url: str, headers: dict[str, str], *, timeout: float) -> http.client.HTTPResponse:
    """The answer of a server: 200, 206 or 416.

    Raises:
        AddressError: the answer is final: not there, not allowed, not http.
        CutOffError: no answer, or one that may pass.
    """
    _refuse_other_schemes(url)
    try:
        request = urllib.request.Request(url, headers=headers)
        response: http.client.HTTPResponse = _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (408, 425, 429) or error.code >= 500:
                raise CutOffError(f"the server answers {error.code} {error.reason}") from error
            raise AddressError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise AddressError(f"its certificate is refused ({error.reason})") from error
        raise CutOffError(f"no connection ({error.reason})") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        # ValueError: an address, of a redirect perhaps, that cannot be read
        raise CutOffError(f"no answer ({error or type(error).__name__})") from error
    if response.status not in (200, 206, 416):
        response.close()
        raise AddressError(f"the server answers {response.status} {response.reason}")
    return response


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https only: no file:, no ftp:, no data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.ProxyHandler(), urllib.request.HTTPHandler()),
        *(urllib.request.HTTPSHandler(), _HttpRedirects(), _HttpErrors()),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


class _HttpErrors(urllib.request.HTTPErrorProcessor):
    """Errors are raised, except 416: the `.part` may simply be complete."""

    def http_response(
        self, request: urllib.request.Request, response: http.client.HTTPResponse
    ) -> http.client.HTTPResponse:
        if response.status == 416:
            return response
        return super().http_response(request, response)

    https_response = http_response


def _refuse_other_schemes(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise AddressError(f"leads to {url}, which is neither http nor https")


def whole_size(response: http.client.HTTPResponse) -> int | None:
    """The size of the whole file as the answer to a request for a range states it."""
    found = re.search(r"/(\d{1,18})\s*$", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def read_some(response: http.client.HTTPResponse) -> bytes:
    """What has arrived, up to a mebibyte; nothing at the end.

    Raises:
        CutOffError: the connection broke, or stayed silent for too long.
    """
    try:
        return response.read1(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise CutOffError(f"the connection broke ({error or type(error).__name__})") from error
