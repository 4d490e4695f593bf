"""A refusal has a code, a status and a message, in the shape of its protocol."""

import pytest

from tessella.serve.refusal import STATUS, RefusedError, echoed, error_document


def test_a_refusal_has_one_shape() -> None:
    refused = RefusedError("queue_full", "later.", retry_after=1)
    assert error_document("/predict", refused) == {
        "error": {"status": 429, "code": "queue_full", "message": "later."}
    }
    assert refused.headers == {"Retry-After": "1"}


@pytest.mark.parametrize("path", ["/v2", "/v2/models/x/infer"])
def test_below_v2_the_shape_is_the_protocols(path: str) -> None:
    assert error_document(path, RefusedError("bad_tensor", "no.")) == {"error": "no."}


def test_a_path_that_only_begins_like_v2_has_our_shape() -> None:
    assert "status" in error_document("/v20", RefusedError("not_found", "no."))["error"]


def test_an_unknown_code_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        RefusedError("no_such_code", "")


def test_a_missing_key_says_how_to_send_one() -> None:
    assert RefusedError("no_key", "").headers == {"WWW-Authenticate": "Bearer"}


def test_every_status_is_one_of_http() -> None:
    assert all(400 <= status < 600 for status in STATUS.values())


def test_little_of_what_a_client_sent_goes_back() -> None:
    assert echoed("a\nb") == r"'a\nb'"
    assert len(echoed("x" * 100_000)) < 100
