"""What a server answers, and which of it may pass. The rest is tested by whole downloads."""

from typing import Any

import pytest

from tessella.data.fetch.server import AddressError, CutOffError, ask, read_some, whole_size


def test_a_file_is_answered_with_its_bytes(web: Any) -> None:
    with ask(web.offer("/a", web.file(b"hello")), {}, timeout=5) as response:
        assert (response.status, read_some(response), read_some(response)) == (200, b"hello", b"")


def test_a_range_states_the_size_of_the_whole(web: Any) -> None:
    with ask(web.offer("/a", web.file(b"hello")), {"Range": "bytes=2-"}, timeout=5) as response:
        assert (response.status, whole_size(response), read_some(response)) == (206, 5, b"llo")


def test_a_range_past_the_end_is_an_answer_too(web: Any) -> None:
    with ask(web.offer("/a", web.file(b"hello")), {"Range": "bytes=5-"}, timeout=5) as response:
        assert (response.status, whole_size(response)) == (416, 5)


def test_a_missing_file_is_final(web: Any) -> None:
    with pytest.raises(AddressError, match="the server answers 404 Not Found"):
        ask(web.offer("/a", web.status(404)), {}, timeout=5)


def test_an_overloaded_server_may_recover(web: Any) -> None:
    with pytest.raises(CutOffError, match="the server answers 503 Service Unavailable"):
        ask(web.offer("/a", web.status(503)), {}, timeout=5)


@pytest.mark.parametrize("code", [201, 204])
def test_a_success_without_the_file_is_final(web: Any, code: int) -> None:
    with pytest.raises(AddressError, match=f"the server answers {code}"):
        ask(web.offer("/a", web.status(code)), {}, timeout=5)


def test_a_redirect_that_cannot_be_read_is_no_crash(web: Any) -> None:
    with pytest.raises(CutOffError, match="no answer"):
        ask(web.offer("/a", web.redirect("http://[::1/x")), {}, timeout=5)
