"""Who may ask, and what lets a browser read the answer."""

import pytest
from starlette.datastructures import Headers

from tessella.errors import UsageError
from tessella.serve.refusal import RefusedError
from tessella.serve.security import HEADERS, Access, hosts_for, is_loopback, is_open

KEY = "a-key-of-some-length"
SITE = "https://example.org"


def status(access: Access, method: str, path: str, **headers: str) -> int:
    """200, or that of the refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        access.check(method, path, Headers(named))
    except RefusedError as refused:
        return refused.status
    return 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_on_loopback_a_request_must_name_the_server(host: str, expected: int) -> None:
    assert status(Access(hosts=hosts_for("127.0.0.1")), "GET", "/", host=host) == expected


def test_elsewhere_a_server_has_any_name() -> None:
    assert hosts_for("0.0.0.0") is None
    assert status(Access(), "GET", "/", host="photos.example") == 200


def test_another_loopback_address_is_a_name_too() -> None:
    assert status(Access(hosts=hosts_for("127.9.9.9")), "GET", "/", host="127.9.9.9:80") == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 401),
        ({"x_api_key": KEY}, 200),
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer {KEY}"}, 200),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": KEY}, 401),
        ({"x_api_key": KEY + "x"}, 401),
        ({"x_api_key": KEY[:-1]}, 401),
        ({"x_api_key": ""}, 401),
        ({"x_api_key": "\xe9"}, 401),
    ],
)
def test_the_key_opens_what_is_closed(headers: dict[str, str], expected: int) -> None:
    assert status(Access(api_key=KEY), "POST", "/predict", **headers) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", True),
        ("/page/app.js", True),
        ("/health/live", True),
        ("/health/ready", True),
        ("/v2/health/ready", True),
        ("/metrics", False),
        ("/models", False),
        ("/openapi.json", False),
        ("/v2", False),
        ("/predict", False),
        ("/health/live/x", False),
        ("/pages", False),
    ],
)
def test_the_page_and_health_need_no_key(path: str, expected: bool) -> None:
    assert is_open(path) is expected
    assert status(Access(api_key=KEY), "GET", path) == (200 if expected else 401)


@pytest.mark.parametrize("key", ["short", "with space in it", "naïve-key-with-accent", "x" * 600])
def test_a_key_that_no_header_takes_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="the API key has characters that no header takes"):
        Access(api_key=key)


@pytest.mark.parametrize("origin", ["*", "example.org", "https://example.org/", "null", "ftp://x"])
def test_an_origin_must_be_one_site(origin: str) -> None:
    with pytest.raises(UsageError, match="expected scheme and host, without a path"):
        Access(origins=(origin,))


def test_only_a_named_site_may_read_answers() -> None:
    access = Access(origins=(SITE, "http://[::1]:3000"))
    allowed = access.cors_headers(Headers({"origin": SITE}))
    assert allowed["Access-Control-Allow-Origin"] == SITE
    assert access.cors_headers(Headers({"origin": "https://evil.example"})) == {"Vary": "Origin"}
    assert Access().cors_headers(Headers({"origin": SITE})) == {}


def test_a_preflight_is_answered_for_a_named_site_alone() -> None:
    access = Access(origins=(SITE,))
    asks = {"origin": SITE, "access-control-request-method": "POST"}
    found = access.preflight_headers("OPTIONS", Headers(asks))
    assert found is not None
    assert "X-API-Key" in found["Access-Control-Allow-Headers"]
    with pytest.raises(RefusedError, match="page of another site"):
        access.preflight_headers("OPTIONS", Headers({**asks, "origin": "https://evil.example"}))
    assert access.preflight_headers("POST", Headers(asks)) is None
    assert access.preflight_headers("OPTIONS", Headers({"origin": SITE})) is None


@pytest.mark.parametrize(
    ("method", "site", "origin", "expected"),
    [
        ("POST", "cross-site", "https://evil.example", 403),
        ("POST", "same-site", "http://localhost:3000", 403),
        ("POST", "cross-site", "null", 403),
        ("POST", "cross-site", SITE, 200),
        ("POST", "same-origin", "http://localhost:8000", 200),
        ("POST", "none", "", 200),
        ("GET", "cross-site", "", 200),
    ],
)
def test_a_form_on_another_site_cannot_make_the_server_work(
    method: str, site: str, origin: str, expected: int
) -> None:
    headers = {"sec_fetch_site": site, "origin": origin}
    assert status(Access(origins=(SITE,)), method, "/predict", **headers) == expected


def test_nothing_may_be_loaded_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
