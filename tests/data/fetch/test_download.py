"""A download over a real connection to this machine, with every fault a server can have."""

import hashlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tessella.data.fetch.download import Digest, Patience, RemoteFile, download

BODY = random.Random(5).randbytes(300_001)
OTHER = random.Random(6).randbytes(300_001)
PATIENT = Patience(attempts=3, timeout_seconds=5, wait_seconds=0)


def remote(url: str, *more: str, body: bytes = BODY, **changes: Any) -> RemoteFile:
    known: dict[str, Any] = {
        "max_bytes": len(body),
        "size": len(body),
        "digest": Digest("sha256", hashlib.sha256(body).hexdigest(), "published by Us"),
    }
    return RemoteFile("a.bin", (url, *more), **(known | changes))


def unverified(url: str, *, max_bytes: int = 1_000_000) -> RemoteFile:
    return RemoteFile("a.bin", (url,), max_bytes)


def fails(file: RemoteFile, folder: Path) -> str:
    with pytest.raises(ValueError, match=r"a\.bin could not be downloaded: ") as raised:
        download(file, folder, patience=PATIENT)
    return str(raised.value)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_nothing_else_is_left(web: Any, tmp_path: Path) -> None:
    came = download(remote(web.offer("/a", web.file(BODY))), tmp_path / "new", patience=PATIENT)
    assert came.path.read_bytes() == BODY
    assert (came.was_there, came.num_bytes) == (False, 300_001)
    assert came.sha256 == hashlib.sha256(BODY).hexdigest()
    assert names_in(tmp_path / "new") == ["a.bin"]


def test_a_verified_file_is_not_downloaded_again(web: Any, tmp_path: Path) -> None:
    file = remote(web.offer("/a", web.file(BODY)))
    download(file, tmp_path)
    assert download(file, tmp_path).was_there
    assert len(web.requests) == 1


def test_a_file_that_is_there_and_wrong_is_neither_taken_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(OTHER)
    with pytest.raises(ValueError, match=r"a\.bin: a\.bin has sha256 .*; remove it, then fetch"):
        download(remote("http://127.0.0.1:9/"), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == OTHER


def test_an_md5_is_compared_where_that_is_what_is_published(web: Any, tmp_path: Path) -> None:
    digest = Digest("md5", hashlib.md5(BODY).hexdigest(), "published by Us")
    came = download(remote(web.offer("/a", web.file(BODY)), digest=digest), tmp_path)
    assert came.sha256 == hashlib.sha256(BODY).hexdigest()


# --- cut connections ----------------------------------------------------------------------------


def test_a_cut_connection_is_taken_up_where_it_broke(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY, cut=100_000), web.file(BODY))
    assert download(remote(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.ranges("/a") == [None, "bytes=100000-"]


def test_the_server_is_told_which_version_the_part_is_of(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY, version="v7", cut=100_000), web.file(BODY, version="v7"))
    download(remote(url), tmp_path, patience=PATIENT)
    assert web.requests[1][1]["If-Range"] == '"v7"'


def test_a_file_replaced_on_the_server_is_not_glued_to_the_old_part(
    web: Any, tmp_path: Path
) -> None:
    url = web.offer("/a", web.file(OTHER, cut=100_000), web.file(BODY))
    assert download(unverified(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY


def test_a_date_is_enough_to_tell_versions_apart(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.dated(OTHER, day=1, cut=99_000), web.dated(BODY, day=2))
    assert download(unverified(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.requests[1][1]["If-Range"] == "Fri, 02 Jan 1970 00:00:00 GMT"


def test_without_version_and_digest_it_starts_over(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(OTHER, weak=True, cut=9_000), web.file(BODY, weak=True))
    assert download(unverified(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.ranges("/a") == [None, None]


def test_a_server_without_ranges_sends_it_all_again(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.without_ranges(BODY, cut=50_000), web.without_ranges(BODY))
    assert download(remote(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY


def test_the_part_stays_when_all_attempts_are_cut_and_is_used_by_the_next_call(
    web: Any, tmp_path: Path
) -> None:
    url = web.offer("/a", web.file(BODY, cut=1_000))
    assert "the connection broke after 3000 of 300001 bytes (3 attempts)" in fails(
        remote(url), tmp_path
    )
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[:3_000]
    web.offer("/a", web.file(BODY))
    assert download(remote(url), tmp_path).path.read_bytes() == BODY
    assert web.ranges("/a")[-1] == "bytes=3000-"
    assert names_in(tmp_path) == ["a.bin"]


def test_attempts_that_bring_a_lot_do_not_count_as_failed(web: Any, tmp_path: Path) -> None:
    body = random.Random(1).randbytes(6 << 20)
    url = web.offer("/a", web.file(body, cut=(1 << 20) + 7))
    came = download(remote(url, body=body), tmp_path, patience=PATIENT)
    assert came.path.read_bytes() == body
    assert len(web.requests) == 6


def test_bringing_the_same_beginning_again_and_again_counts_as_failed(
    web: Any, tmp_path: Path
) -> None:
    body = bytes(3 << 20)
    url = web.offer("/a", web.without_ranges(body, cut=2 << 20))
    assert "after 2097152 of 3145728 bytes (3 attempts)" in fails(remote(url, body=body), tmp_path)


def test_a_cut_chunked_answer_is_noticed(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.chunked(BODY[:1000], ends=False))
    assert "the connection broke (IncompleteRead" in fails(unverified(url), tmp_path)
    assert not (tmp_path / "a.bin").exists()


def test_a_chunked_answer_without_length_arrives(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.chunked(BODY[:1000], BODY[1000:], ends=True))
    assert download(unverified(url), tmp_path).path.read_bytes() == BODY


def test_a_cut_is_noticed_by_the_known_size_where_the_server_states_none(
    web: Any, tmp_path: Path
) -> None:
    url = web.offer("/a", web.without_length(BODY[:-1]), web.without_length(BODY))
    assert download(remote(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY


def test_a_part_that_is_whole_already_needs_no_bytes(web: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY)
    url = web.offer("/a", web.status(500))
    assert download(remote(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.requests == []


def test_a_whole_part_of_unknown_size_is_confirmed_by_the_server(web: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY)
    url = web.offer("/a", web.file(BODY))
    file = remote(url, size=None)
    assert download(file, tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.ranges("/a") == ["bytes=300001-"]


def test_a_part_longer_than_the_servers_file_is_dropped(web: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY + b"more")
    url = web.offer("/a", web.file(BODY))
    file = remote(url, size=None, max_bytes=400_000)
    assert download(file, tmp_path, patience=PATIENT).path.read_bytes() == BODY
    assert web.ranges("/a") == ["bytes=300005-", None]


def test_another_range_than_asked_is_not_taken(web: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY[:1000])
    url = web.offer("/a", web.range_of(BODY, start=500))
    assert "was asked to go on at byte 1000 and answers 206 with the range 'bytes 500-" in fails(
        remote(url), tmp_path
    )


# --- wrong content ------------------------------------------------------------------------------


def test_a_wrong_digest_names_both_and_its_origin_and_the_file_is_deleted(
    web: Any, tmp_path: Path
) -> None:
    message = fails(remote(web.offer("/a", web.file(OTHER))), tmp_path)
    wrong, right = (hashlib.sha256(body).hexdigest() for body in (OTHER, BODY))
    assert (
        f"a.bin has sha256 {wrong}, expected {right} (published by Us); it was deleted" in message
    )
    assert names_in(tmp_path) == []


def test_a_part_of_another_file_ends_in_a_wrong_digest_and_not_in_the_data(
    web: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
    url = web.offer("/a", web.file(BODY))
    assert "it was deleted" in fails(remote(url), tmp_path)
    assert download(remote(url), tmp_path).path.read_bytes() == BODY


def test_another_size_is_refused_before_a_byte_is_read(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY[:-5]))
    assert "offers 299996 bytes, expected 300001" in fails(remote(url), tmp_path)
    assert names_in(tmp_path) == []


def test_more_than_the_bound_is_refused_before_a_byte_is_read(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY))
    assert "offers 300001 bytes, expected at most 300000" in fails(
        unverified(url, max_bytes=300_000), tmp_path
    )
    assert names_in(tmp_path) == []


def test_an_endless_body_is_cut_off_at_the_size(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.endless())
    assert "sends more than the 300001 bytes expected; it was cut off" in fails(
        remote(url), tmp_path
    )
    assert names_in(tmp_path) == []


# --- servers that answer otherwise --------------------------------------------------------------


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_final_answer_is_not_asked_again(web: Any, tmp_path: Path, code: int) -> None:
    url = web.offer("/a", web.status(code))
    message = fails(remote(url), tmp_path)
    assert f"{url}: the server answers {code} " in message
    assert f"put it at {tmp_path / 'a.bin'}" in message
    assert len(web.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_passing_fault_is_asked_again(web: Any, tmp_path: Path, code: int) -> None:
    url = web.offer("/a", web.status(code), web.file(BODY))
    assert download(remote(url), tmp_path, patience=PATIENT).path.read_bytes() == BODY


def test_a_lasting_fault_ends_after_the_attempts(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.status(500))
    assert "the server answers 500 Internal Server Error (3 attempts)" in fails(
        remote(url), tmp_path
    )
    assert len(web.requests) == 3


def test_the_second_address_is_tried_when_the_first_fails(web: Any, tmp_path: Path) -> None:
    first, second = web.offer("/a", web.status(404)), web.offer("/b", web.file(BODY))
    assert download(remote(first, second), tmp_path).path.read_bytes() == BODY


def test_the_second_address_is_tried_when_the_first_has_other_bytes(
    web: Any, tmp_path: Path
) -> None:
    first, second = web.offer("/a", web.file(OTHER)), web.offer("/b", web.file(BODY))
    assert download(remote(first, second), tmp_path).path.read_bytes() == BODY


def test_the_second_address_goes_on_with_the_part_of_the_first(web: Any, tmp_path: Path) -> None:
    first, second = web.offer("/a", web.file(BODY, cut=1_000)), web.offer("/b", web.file(BODY))
    came = download(remote(first, second), tmp_path, patience=PATIENT)
    assert came.path.read_bytes() == BODY
    assert web.ranges("/b") == ["bytes=3000-"]


def test_each_address_that_failed_is_named(web: Any, tmp_path: Path) -> None:
    first, second = web.offer("/a", web.status(404)), web.offer("/b", web.status(403))
    message = fails(remote(first, second), tmp_path)
    assert f"{first}: the server answers 404" in message
    assert f"{second}: the server answers 403" in message


def test_a_silent_server_is_left_after_the_timeout(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.silent(BODY, after=5_000))
    short = Patience(attempts=1, timeout_seconds=0.2, wait_seconds=0)
    with pytest.raises(ValueError, match=r"the connection broke \(timed out\) \(1 attempts\)"):
        download(remote(url), tmp_path, patience=short)
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[:5_000]


def test_no_server_at_all_is_one_clear_error(tmp_path: Path) -> None:
    assert "http://127.0.0.1:9/: no connection (" in fails(remote("http://127.0.0.1:9/"), tmp_path)


def test_a_redirect_is_followed_with_its_range(web: Any, tmp_path: Path) -> None:
    there = web.offer("/b", web.file(BODY, cut=1_000), web.file(BODY))
    came = download(remote(web.offer("/a", web.redirect(there))), tmp_path, patience=PATIENT)
    assert came.path.read_bytes() == BODY
    assert web.ranges("/b") == [None, "bytes=1000-"]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,hello"])
def test_a_redirect_away_from_the_web_is_refused(web: Any, tmp_path: Path, place: str) -> None:
    message = fails(remote(web.offer("/a", web.redirect(place))), tmp_path)
    assert place in message
    assert names_in(tmp_path) == []


def test_a_redirect_to_itself_ends(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.redirect("/a"))
    assert "the server answers 302 " in fails(remote(url), tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "a.bin"])
def test_an_address_off_the_web_is_refused(tmp_path: Path, url: str) -> None:
    assert f"leads to {url}, which is neither http nor https" in fails(remote(url), tmp_path)


# --- progress, full disks, killed processes -----------------------------------------------------


class Recording:
    """A `Track` that remembers what it was told."""

    def __init__(self) -> None:
        self.about = ""
        self.sizes: list[int] = []
        self.total = 0

    def __call__(
        self, items: Iterable[Any], *, about: str, total: int, size: Callable[[Any], int]
    ) -> Iterator[Any]:
        self.about = about
        self.total = total
        for item in items:
            self.sizes.append(size(item))
            yield item


def test_progress_adds_up_to_the_size(web: Any, tmp_path: Path) -> None:
    track = Recording()
    url = web.offer("/a", web.without_ranges(BODY, cut=50_000), web.without_ranges(BODY))
    download(remote(url), tmp_path, track=track, patience=PATIENT)
    assert (track.about, sum(track.sizes), track.total) == ("download", 300_001, 300_001)


def test_progress_counts_what_an_earlier_call_brought(web: Any, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY[:200_000])
    track = Recording()
    download(remote(web.offer("/a", web.file(BODY))), tmp_path, track=track)
    assert track.sizes[0] == 200_000
    assert sum(track.sizes) == 300_001


def run_in_a_process(lines: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = f"""
import os, resource, signal
from pathlib import Path
from tessella.data.fetch.download import RemoteFile, download

def kill_midway(items, *, about, total, size):
    arrived = 0
    for item in items:
        arrived += size(item)
        if arrived > 500_000:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

file = RemoteFile("a.bin", ({url!r},), 3_000_000)
folder = Path({str(folder)!r})
{lines}
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_killed_process_leaves_a_part_that_is_resumed(web: Any, tmp_path: Path) -> None:
    body = random.Random(2).randbytes(2_000_000)
    url = web.offer("/a", web.file(body))
    killed = run_in_a_process("download(file, folder, track=kill_midway)", url, tmp_path)
    assert killed.returncode == -signal.SIGKILL
    kept = (tmp_path / "a.bin.part").stat().st_size
    assert 0 < kept < 2_000_000
    came = download(unverified(url, max_bytes=3_000_000), tmp_path)
    assert came.path.read_bytes() == body
    assert web.ranges("/a") == [None, f"bytes={kept}-"]


def test_a_full_disk_keeps_what_has_arrived(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY))
    # a bound on the size of files stands in for the end of the disk
    full = run_in_a_process(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    download(file, folder)\nexcept ValueError as error:\n    print(error)",
        url,
        tmp_path,
    )
    assert "could not be written (File too large); free space there" in full.stdout
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[:100_000]
    assert download(unverified(url), tmp_path).path.read_bytes() == BODY


def test_a_damaged_note_beside_the_part_only_costs_the_resume(web: Any, tmp_path: Path) -> None:
    url = web.offer("/a", web.file(BODY))
    (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
    (tmp_path / "a.bin.part.json").write_text("{")
    assert download(unverified(url), tmp_path).path.read_bytes() == BODY


def test_the_part_of_another_address_is_not_continued_without_a_digest(
    web: Any, tmp_path: Path
) -> None:
    url = web.offer("/a", web.file(BODY))
    (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
    note = {"url": "http://elsewhere/", "ETag": '"v1"', "Last-Modified": None}
    (tmp_path / "a.bin.part.json").write_text(json.dumps(note))
    assert download(unverified(url), tmp_path).path.read_bytes() == BODY
    assert web.ranges("/a") == [None]
