"""Pages are found, links lead somewhere, commands exist, and no example escapes being run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from begat.lineage.cli import begat
from begat.lineage.errors import ParameterError
from support import markdown

DOCUMENTS = markdown.documents()
#: Languages of blocks that are run; what is in any other is text.
RUN = {"console", "python", "sh"}
TEXT = {"json", "mermaid", "text", "toml", "yaml"}


def commands(document: str, program: str) -> list[list[str]]:
    """The arguments of each call of `program` in blocks and in code within a line."""
    lines = "".join(markdown.blocks(document, "sh")).splitlines()
    lines += re.findall(r"^\$ (.+)$", "".join(markdown.blocks(document, "console")), re.MULTILINE)
    lines += re.findall(r"`([^`\n]+)`", document)
    # What the shell puts in, or does with the output, is not the program's.
    calls = (_call(line) for line in lines if line.startswith(program))
    words = (shlex.split(call, comments=True) for call in calls if call.startswith(f"{program} "))
    return [found[1:] for found in words]


def _call(line: str) -> str:
    found, *rest = re.split(r" [|;&]| \d?>|(\"?\$\()", line, maxsplit=1)
    return f"{found} …" if rest and rest[0] else found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist(document: str) -> None:
    """Every `begat …` has a command, options and as many arguments as the CLI takes."""
    wrong = []
    for arguments in commands(markdown.text(document), "begat"):
        given = [word for word in arguments if word not in ("…", "--debug", "--help")]
        if not given:
            continue
        command = begat.get_command(click.Context(begat), given[0])
        if command is None:
            wrong.append(f"begat {given[0]}: no such command")
            continue
        alone = isinstance(command, click.Group) and command.invoke_without_command
        if isinstance(command, click.Group) and not (alone and given[1:2] and given[1][0] == "-"):
            if len(given) == 1:
                continue  # it is only spoken of
            command = command.get_command(click.Context(command), given.pop(1))
            if command is None:
                wrong.append(f"begat {shlex.join(arguments)}: no such command")
                continue
        try:
            command.make_context(given[0], [word for word in given[1:] if word[0] != "["])
        except (click.MissingParameter, click.exceptions.Exit, ParameterError):
            continue  # `begat run` alone names the command, and the page's files are not here
        except click.UsageError as error:
            if "…" in arguments and "requires an argument" in error.format_message():
                continue  # it stands for the argument
            wrong.append(f"begat {shlex.join(arguments)}: {error.format_message()}")

    assert wrong == []


def test_make_targets_exist() -> None:
    """Every `make …` is a target of the Makefile, and README names the main ones."""
    named = {
        arguments[0]
        for document in DOCUMENTS
        for arguments in commands(markdown.text(document), "make")
    }
    targets = set(re.findall(r"^([a-z]+):", markdown.text("Makefile"), re.MULTILINE))

    assert named <= targets
    assert {"demo", "test", "check"} <= named


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link is a file of the repository, and a heading in it if it names one."""
    folder = (markdown.ROOT / document).parent
    wrong = []
    for link in markdown.links(markdown.text(document)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = folder / path if path else markdown.ROOT / document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)

    assert wrong == []


def anchors(page: Path) -> set[str]:
    """What links to a page's headings end in."""
    return markdown.anchors(page.read_text(encoding="utf-8"))


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links every page of docs/."""
    linked = set(markdown.links(markdown.text("docs/README.md")))
    pages = {path.name for path in (markdown.ROOT / "docs").glob("*.md")}

    assert pages - linked == {"README.md"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_run_or_says_why_not(document: str) -> None:
    """Code is in fenced blocks of known languages; a block that is not run has a reason."""
    text = markdown.text(document)
    blocks = markdown.fenced(text)
    indented = re.findall(r"^\n {4}\S.*$", markdown.without_blocks(text), re.MULTILINE)

    assert [block.line for block in blocks if block.language not in RUN | TEXT] == []
    assert [block.line for block in blocks if block.not_run == ""] == []
    assert text.count("<!-- not run") == sum(block.not_run is not None for block in blocks)
    assert text.count("```") == 2 * len(blocks)
    assert indented == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_is_run(document: str) -> None:
    """A Python file that a page writes down is used by one of its commands."""
    text = markdown.text(document)
    run = "".join(
        block.body
        for block in markdown.fenced(text)
        if block.not_run is None and not block.file and block.language in RUN
    )
    files = [block.file for block in markdown.fenced(text) if block.file.endswith(".py")]

    assert [name for name in files if not re.search(rf"\b{name[:-3]}\b", run)] == []
