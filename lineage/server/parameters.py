"""Parameters that nobody knows: ignored, they would answer another question than was asked."""

from __future__ import annotations

from fastapi import HTTPException, Request


def known(request: Request) -> None:
    """A dependency: the route takes every parameter that it is given."""
    there = sorted(one.alias for one in request.scope["route"].dependant.query_params)
    unknown = [name for name in request.query_params if name not in there]
    if unknown:
        takes = f"it takes {', '.join(there)}" if there else "it takes none"
        raise HTTPException(
            422, f"{request.url.path} takes no parameter {unknown[0][:80]!r}; {takes}"
        )
