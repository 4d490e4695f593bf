"""The page about the routes lists all of them and loads nothing."""

import re
from typing import Any

from tessella.serve.docs_page import docs_page


def test_every_route_is_listed_and_nothing_is_loaded(house: Any) -> None:
    text = house.ask("GET", "/docs").text
    document = house.ask("GET", "/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in text
    assert not re.findall(r"<script|<link|<img|<style|style=|https?:", text)


def test_what_a_document_says_is_escaped() -> None:
    operation = {
        "summary": "<b>",
        "parameters": [{"name": "<x>", "in": "query"}],
        "requestBody": {"content": {"a<b": {}}},
        "responses": {"200": {"description": "&"}},
    }
    text = docs_page({"paths": {"/<i>": {"get": operation}}})
    assert not re.findall(r"<b>|<x>|a<b|<i>", text)
    assert "&lt;b&gt;" in text
    assert "<dd>&amp;</dd>" in text
