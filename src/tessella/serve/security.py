"""Who may ask, from where: Host and Origin headers, the API key, and the headers of each answer."""

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.datastructures import Headers

from tessella.errors import UsageError
from tessella.serve.refusal import RefusedError

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data: blob:; media-src blob:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
"""On every answer."""

_OPEN = frozenset(("/", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"))
_OPEN_FOLDER = "/page/"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_KEY = re.compile(r"[\x21-\x7e]{8,512}")
_MAY_SEND = "Accept, Authorization, Content-Type, Inference-Header-Content-Length, X-API-Key"
_MAY_READ = "Inference-Header-Content-Length, Retry-After"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Access:
    """Who may ask."""

    api_key: str | None = None
    """None: everyone who reaches the server."""

    origins: tuple[str, ...] = ()
    """Other sites whose pages may ask, such as https://example.org."""

    hosts: frozenset[str] | None = None
    """Names by which the server may be called; None: any."""

    def __post_init__(self) -> None:
        """Refuse what could never match, or would match too much.

        Raises:
            UsageError: an origin or the key has another form.
        """
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(
                    f"origin {origin!r}: expected scheme and host, without a path, such as "
                    "https://example.org; name each site."
                )
        if self.api_key is not None and not _KEY.fullmatch(self.api_key):
            raise UsageError(
                "the API key has characters that no header takes, or not 8 to 512 of them; use "
                "letters, digits and signs without spaces."
            )

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Let a request pass, or not.

        Raises:
            RefusedError: its host is not ours, it comes from another site, or it lacks the key.
        """
        self._check_host(headers)
        self._check_site(method, headers)
        if self.api_key is None or method == "OPTIONS" or is_open(path):
            return
        given = _given_keys(headers)
        # bytes: compare_digest takes no text beyond ASCII
        if not any(hmac.compare_digest(key.encode(), self.api_key.encode()) for key in given):
            raise RefusedError(
                "no_key", "the API key is missing or wrong; send it as X-API-Key or as Bearer."
            )

    def cors_headers(self, headers: Headers) -> dict[str, str]:
        """What lets a page of a named site read the answer."""
        if not self.origins:
            return {}
        origin = headers.get("origin")
        if origin not in self.origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _MAY_READ,
        }

    def preflight_headers(self, method: str, headers: Headers) -> dict[str, str] | None:
        """The answer to a browser's question whether a page may ask; None: it is no such question.

        Raises:
            RefusedError: the page is of a site that is not named.
        """
        asks = headers.get("access-control-request-method")
        if method != "OPTIONS" or asks is None or "origin" not in headers:
            return None
        if headers["origin"] not in self.origins:
            raise RefusedError("cross_site", _OTHER_SITE)
        return {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": _MAY_SEND,
            "Access-Control-Max-Age": "600",
        }

    def _check_host(self, headers: Headers) -> None:
        if self.hosts is None:
            return
        # a page on another name that was pointed at this machine (DNS rebinding) tells its own
        name = _host_name(headers.get("host", ""))
        if name not in self.hosts:
            raise RefusedError(
                "unknown_host",
                "this server is called by another name; use localhost or 127.0.0.1.",
            )

    def _check_site(self, method: str, headers: Headers) -> None:
        """Browsers say truly where a form was sent from; other programs say nothing."""
        site = headers.get("sec-fetch-site", "none")
        is_foreign = method == "POST" and site not in ("none", "same-origin")
        if is_foreign and headers.get("origin") not in self.origins:
            raise RefusedError("cross_site", _OTHER_SITE)


_OTHER_SITE = (
    "the request comes from a page of another site; start the server with --cors-origin for it."
)


def hosts_for(host: str) -> frozenset[str] | None:
    """The names by which a server on `host` may be called: few on loopback, any elsewhere."""
    if not is_loopback(host):
        return None
    return frozenset(("localhost", "127.0.0.1", "[::1]", _host_name(host)))


def is_open(path: str) -> bool:
    """Whether a path needs no API key: health, the page and its files."""
    return path in _OPEN or path.startswith(_OPEN_FOLDER)


def _given_keys(headers: Headers) -> Iterable[str]:
    if (key := headers.get("x-api-key")) is not None:
        yield key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip()


def _host_name(host: str) -> str:
    """A Host header without its port, lower case; IPv6 in brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    if host.count(":") > 1:
        return f"[{host}]"
    return host.partition(":")[0]
