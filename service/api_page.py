"""API page: ``openapi.json`` as one HTML page, made here of the same document, without script and from nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

ROUTER = APIRouter()
ADDRESS = "/docs"
STYLE = Path(__file__).parent / "api_page.css"
HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>lumbar3d: interface</title><link rel="stylesheet" href="docs.css"></head>
<body><header><a href="./">lumbar3d</a> &middot; <a href="openapi.json">openapi.json</a></header><main>"""
CODE = re.compile(r"`([^`]+)`")
ITEM = "- "
SCHEMA = re.compile(r"#/components/schemas/(\w+)")


@ROUTER.get(ADDRESS, include_in_schema=False)
async def page(request: Request) -> Response:
    """The page; open to all, as the document is."""
    state = request.app.state
    if not hasattr(state, "api_page"):
        state.api_page = render(request.app.openapi())
    return Response(state.api_page, media_type="text/html")


@ROUTER.get(f"{ADDRESS}.css", include_in_schema=False)
async def style() -> Response:
    """Its style."""
    return Response(STYLE.read_text(), media_type="text/css")


def render(document: dict[str, Any]) -> str:
    """HTML of an OpenAPI 3.1 document."""
    info = document["info"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return "".join(
        (
            HEAD,
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{_prose(info['description'])}",
            f"<nav aria-label='Operations'><ul>{''.join(_entry(*each) for each in operations)}</ul></nav>",
            *(_operation(*each) for each in operations),
            "<h2 id='schemas'>Schemas</h2>",
            *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
            "</main></body></html>",
        )
    )


def _entry(method: str, path: str, operation: dict[str, Any]) -> str:
    link = f"<a href='#{escape(operation['operationId'])}'><code>{method} {escape(path)}</code></a>"
    return f"<li>{link} {escape(operation['summary'])}</li>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    key = "an API key or access token" if operation["security"] else "no key"
    return "".join(
        (
            f"<section id='{escape(operation['operationId'])}'>",
            f"<h2><code>{method} {escape(path)}</code></h2>",
            f"<p><strong>{escape(operation['summary'])}.</strong> Takes {key}.</p>",
            _prose(operation.get("description", "")),
            _table(("parameter", "in", "type", ""), map(_parameter, operation.get("parameters", ()))),
            *(_content("Body", *each) for each in body.items()),
            *(_response(*each) for each in operation["responses"].items()),
            "</section>",
        )
    )


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    text = parameter.get("description") or parameter["schema"].get("description", "")
    return f"<code>{escape(parameter['name'])}</code>", parameter["in"], _type(parameter["schema"]), _inline(text)


def _response(status: str, response: dict[str, Any]) -> str:
    headers = (
        (f"<code>{escape(name)}</code>", _inline(h["description"])) for name, h in response.get("headers", {}).items()
    )
    parts = "".join(_content("Content", *each) for each in response.get("content", {}).items())
    text = _prose(response["description"])
    return f"<details><summary>{status}</summary>{text}{_table(('header', ''), headers)}{parts}</details>"


def _content(what: str, media_type: str, content: dict[str, Any]) -> str:
    schema = content.get("schema", {})
    example = content.get("example")
    shown = "" if example is None else f"<pre>{escape(json.dumps(example, indent=2))}</pre>"
    return f"<p>{what} <code>{escape(media_type)}</code>: {_type(schema)}</p>{_fields(schema)}{shown}"


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = _prose(schema.get("description", ""))
    values = "" if "enum" not in schema else f"<p>{_type(schema)}</p>"
    return f"<section id='{escape(name)}'><h3>{escape(name)}</h3>{text}{values}{_fields(schema)}</section>"


def _fields(schema: dict[str, Any]) -> str:
    needed = schema.get("required", ())
    rows = (
        (
            f"<code>{escape(name)}</code>{'' if name in needed else ' (optional)'}",
            _type(field),
            _inline(field.get("description", "")),
        )
        for name, field in schema.get("properties", {}).items()
    )
    return _table(("field", "type", ""), rows)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words; a named one as a link."""
    if reference := SCHEMA.search(schema.get("$ref", "")):
        return f"<a href='#{reference[1]}'>{reference[1]}</a>"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, choices))
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if isinstance(kinds := schema.get("type"), list):
        return " or ".join(kind if kind == "null" else _type({**schema, "type": kind}) for kind in kinds)
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        count = f" of {len(items)}" if "prefixItems" in schema else ""
        return f"list{count}: {_type(items[0])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    form = schema.get("format", "")
    return escape(f"{schema.get('type', 'anything')}{f' ({form})' if form else ''}")


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    named = "".join(f"<th scope='col'>{name or 'meaning'}</th>" for name in head)
    return (
        f"<div class='wide'><table><thead><tr>{named}</tr></thead><tbody>{body}</tbody></table></div>" if body else ""
    )


def _prose(text: str) -> str:
    """Paragraphs and lists of a description."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.split("\n")
        if all(line.startswith(ITEM) for line in lines):
            blocks.append(f"<ul>{''.join(f'<li>{_inline(line[len(ITEM) :])}</li>' for line in lines)}</ul>")
        elif re.match(r"\d\. ", block):
            blocks.append(f"<ol>{''.join(f'<li>{_inline(line[3:])}</li>' for line in lines)}</ol>")
        elif block:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text, quote=False))
