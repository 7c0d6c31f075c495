"""`/openapi.json`, and `/docs`: a page made from it that loads nothing from anywhere."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse

from .guard import same_site

router = APIRouter(include_in_schema=False, dependencies=[Depends(same_site)])

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; font-size: 1.15rem } code { font-size: .95em }
table { border-collapse: collapse } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
"""


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The description of all routes."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The description of all routes, for people."""
    return HTMLResponse(
        rendered(request.app.openapi()),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def rendered(described: dict[str, Any]) -> str:
    """A page about what an OpenAPI document describes."""
    info = described["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])} <a href='openapi.json'>openapi.json</a> says it to "
        "programs.</p>",
    ]
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            parts.append(_route(method, path, route))
    body = "\n".join(parts)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )


def _route(method: str, path: str, route: dict[str, Any]) -> str:
    rows = [
        (f"{one['name']} ({one['in']})", one.get("description", ""))
        for one in route.get("parameters", ())
    ]
    rows += [
        (status, answer.get("description", "")) for status, answer in route["responses"].items()
    ]
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(what)}</td></tr>"
        for name, what in rows
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p><strong>{escape(route['summary'])}.</strong> {escape(route.get('description', ''))}"
        f"</p><table>{cells}</table>"
    )
