"""What documentation is made of: sections, and fenced blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HEADING = re.compile(r"^#{2,3} +(.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (\w+\.py)\n")


def text(name: str) -> str:
    """A document, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def sections(document: str) -> dict[str, str]:
    """Heading → what is under it, up to the next one; `#` in a block is no heading."""
    blank = _FENCED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), document)
    found = list(_HEADING.finditer(blank))
    ends = [heading.start() for heading in found[1:]] + [len(document)]
    return {
        heading[1]: document[heading.end() : end] for heading, end in zip(found, ends, strict=True)
    }


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks in this language, in order."""
    return [body for found, body in _FENCED.findall(document) if found == language]


def files(document: str) -> dict[str, str]:
    """The Python blocks that begin with a file's name, as that file."""
    return {
        named[1]: block for block in blocks(document, "python") if (named := _NAMED.match(block))
    }
