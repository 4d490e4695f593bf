"""The page's files are a fixed table."""

from tessella.serve.page_files import INDEX, page_files


def test_the_page_is_there_with_the_types_that_browsers_need() -> None:
    files = page_files()
    assert files[INDEX].media_type == "text/html; charset=utf-8"
    assert files[INDEX].content.startswith(b"<!doctype html>")
    assert files["style.css"].media_type == "text/css; charset=utf-8"
    assert files["app.js"].media_type == "text/javascript; charset=utf-8"


def test_a_name_is_no_path() -> None:
    assert not [name for name in page_files() if "/" in name or name.startswith(".")]
