"""docs/http-api.md is what the server does: every line is sent, every answer compared."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support import markdown
from support.serving import Served

PAGE = markdown.text("docs/http-api.md")
SECTIONS = markdown.sections(PAGE)
OPERATIONS = markdown.text("docs/operators.md")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that was just started."""
    with Served(tmp_path_factory.mktemp("page")).running() as server:
        yield server


def calls(section: str) -> list[tuple[list[str], int, str]]:
    """The words of each curl of a section, the status it is said to have, and the answer."""
    return [
        (shlex.split(block[: found.start()])[1:], int(found[1]), found[2].strip())
        for block in markdown.blocks(section, "text")
        if block.startswith("curl") and (found := re.search(r"^(\d{3})\b(.*)", block, re.M | re.S))
    ]


def sent(served: Served, words: list[str]) -> Any:
    """What curl would get, and what it asked for."""
    options = {"-X": "GET", "-d": "", "--data-binary": "", "-H": ""}
    rest = [word for word in words if word != "-G"]
    url = ""
    asked = httpx.QueryParams()
    while rest:
        word = rest.pop(0)
        if "-G" in words and word in ("-d", "--data-urlencode"):
            name, _, value = rest.pop(0).partition("=")
            asked = asked.add(name, value)
        elif word in options:
            options[word] = rest.pop(0)
        else:
            url = word
    name, _, value = options["-H"].partition(": ")
    body = (options["-d"] or options["--data-binary"]).encode()
    return served.client.request(
        options["-X"],
        f"{url}?{asked}" if asked else url,
        content=body or None,
        headers={name: value} if name else {},
    )


def test_every_route_is_on_the_page(served: Served) -> None:
    """Each route has a section, with a curl line that asks it, and no section has no route."""
    described = served.app.openapi()["paths"]
    routes = {f"{m.upper()} {path}" for path, methods in described.items() for m in methods}

    assert set(SECTIONS) == routes
    for heading, section in SECTIONS.items():
        path = heading.split()[1].partition("{")[0]
        assert any(path in word for words, _, _ in calls(section) for word in words), heading


def test_answers_are_those_of_the_page(served: Served) -> None:
    """Sent one after another, the lines on the page are answered as it says."""
    for heading, section in SECTIONS.items():
        for words, status, answer in calls(section):
            got = sent(served, words)

            assert got.status_code == status, (heading, got.text)
            assert got.request.method == heading.split()[0]
            if answer != "…":
                assert matches(answer, got.text), (heading, got.text)


def matches(said: str, got: str) -> bool:
    """Whether an answer is what the page says; … stands for anything."""
    if not said:
        return not got
    pattern = re.escape(said).replace("…", ".*")
    return bool(re.fullmatch(pattern, json.dumps(json.loads(got), ensure_ascii=False), re.DOTALL))


def test_every_status_is_explained(served: Served) -> None:
    """The table of refusals has every status that a route may refuse with."""
    explained = set(re.findall(r"\d{3}", "".join(re.findall(r"^\| (\d.+?) \|", PAGE, re.M))))
    said = {
        status
        for methods in served.app.openapi()["paths"].values()
        for route in methods.values()
        for status in route["responses"]
        if status[0] in "45"
    }

    assert said <= explained


def test_metrics_are_on_the_page(served: Served) -> None:
    """The page names every metric."""
    found = re.findall(r"^# TYPE (\w+)", served.client.get("/metrics").text, re.MULTILINE)
    named = {re.sub(r"\{.*", "", cell) for cell in markdown.first_column(SECTIONS["GET /metrics"])}

    assert named == {name for name in found if not name.endswith("_created")}


def test_scopes_are_explained() -> None:
    """The page for operators explains every scope."""
    from begat.lineage.registry.access import SCOPES

    assert markdown.first_column(markdown.sections(OPERATIONS)["Secure it"]) == set(SCOPES)
