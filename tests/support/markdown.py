"""What documentation is made of: sections, fenced blocks, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HEADING = re.compile(r"^#{1,4} +(.+)$", re.MULTILINE)
_SECTION = re.compile(r"^#{2,3} +(.+)$", re.MULTILINE)
_FENCED = re.compile(
    r"^(?:<!-- not run: *(?P<reason>[^>]*?) *-->\n+)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block."""

    language: str
    body: str
    line: int
    #: Why it is not run; None if it is.
    not_run: str | None

    @property
    def file(self) -> str:
        """The file that it is: its first line is a comment with the name; empty for none."""
        named = _NAMED.match(self.body)
        return named[1] if named else ""


def text(name: str) -> str:
    """A document, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> list[str]:
    """README and every page of docs/, by their paths in the repository."""
    return ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]


def without_blocks(document: str) -> str:
    """The document with blanks for its blocks, in which `#` is no heading."""
    return _FENCED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), document)


def sections(document: str) -> dict[str, str]:
    """Heading → what is under it, up to the next one."""
    found = list(_SECTION.finditer(without_blocks(document)))
    ends = [heading.start() for heading in found[1:]] + [len(document)]
    return {
        heading[1]: document[heading.end() : end] for heading, end in zip(found, ends, strict=True)
    }


def fenced(document: str) -> list[Block]:
    """All fenced blocks, in order."""
    return [
        Block(
            language=found["language"],
            body=found["body"],
            line=document.count("\n", 0, found.start("body")),
            not_run=found["reason"],
        )
        for found in _FENCED.finditer(document)
    ]


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks in this language, in order."""
    return [block.body for block in fenced(document) if block.language == language]


def links(document: str) -> list[str]:
    """Where the links lead, in order."""
    return _LINK.findall(without_blocks(document))


def anchors(document: str) -> set[str]:
    """What a link to a heading ends in, as GitHub makes it."""
    headings = (heading[1] for heading in _HEADING.finditer(without_blocks(document)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def first_column(document: str) -> set[str]:
    """What stands in backticks in the first column of the tables."""
    rows = re.findall(r"^\| (`[^|]+`)", document, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}
