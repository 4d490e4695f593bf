"""A plain page that lists the routes; nothing on it is loaded from anywhere."""

from collections.abc import Mapping
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Routes of this server</title>
</head>
<body>
<h1>Routes of this server</h1>
<p>All of it for programs: <a href="/openapi.json">openapi.json</a>.</p>
"""
_FOOT = "</body>\n</html>\n"


def docs_page(document: Mapping[str, Any]) -> str:
    """An OpenAPI document as HTML: each route with its parameters, bodies and answers."""
    parts = [_HEAD]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(f"{method.upper()} {path}", operation))
    return "".join([*parts, _FOOT])


def _operation(title: str, operation: Mapping[str, Any]) -> str:
    lines = [f"<h2><code>{escape(title)}</code></h2>\n<p>{escape(operation['summary'])}</p>\n"]
    parameters = [
        (parameter["name"], f"{parameter['in']}. {parameter.get('description', '')}")
        for parameter in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {})
    answers = [
        (status, f"{answer['description']} {', '.join(answer.get('content', ()))}")
        for status, answer in operation["responses"].items()
    ]
    lines.append(_list("Parameters", parameters))
    lines.append(_list("Body, one of", [(kind, "") for kind in body]))
    lines.append(_list("Answers", answers))
    return "".join(lines)


def _list(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    items = "".join(
        f"<dt><code>{escape(name)}</code></dt><dd>{escape(text.strip())}</dd>\n"
        for name, text in rows
    )
    return f"<h3>{escape(title)}</h3>\n<dl>\n{items}</dl>\n"
