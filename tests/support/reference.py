"""docs/cli.md in step with the commands: `PYTHONPATH=tests python -m support.reference` writes it.

A command's section begins with what `--help` says: its heading has the arguments, then comes its
text, then a table of its options. What stands behind the table is written by hand. A command that
is a group has a table of its commands instead, and a section below its own for each of them.
"""

from __future__ import annotations

import inspect
import re
import textwrap

import click

from begat.lineage.cli import begat
from support import markdown

PAGE = "docs/cli.md"
_CONTEXT = click.Context(begat)
COMMANDS = begat.list_commands(_CONTEXT)
_TABLE = re.compile(r"^\| (?:option|command) \|.*?(?:\n(?!\|)|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(
    r"^##(#)? begat (\w+(?(1) \w+))[^\n]*\n(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL
)


def command(name: str) -> click.Command:
    """The command of this name; of two names, where the first is that of a group."""
    found: click.Command = begat
    for part in name.split():
        assert isinstance(found, click.Group)
        known = found.get_command(_CONTEXT, part)
        assert known is not None
        found = known
    return found


def commands() -> list[str]:
    """The names of all commands, those of groups behind their group's."""
    found = []
    for name in COMMANDS:
        one = command(name)
        inside = one.list_commands(_CONTEXT) if isinstance(one, click.Group) else []
        found += [name, *(f"{name} {part}" for part in inside)]
    return found


def in_step(document: str) -> str:
    """The page with all that is generated made anew."""
    own = table(begat, with_help=True)
    document = _TABLE.sub(lambda _: own, document, count=1)
    return _SECTION.sub(lambda found: _section(found[1] or "", found[2], found[0]), document)


def table(command: click.Command, *, with_help: bool = False) -> str:
    """The table of a command's options, or of a group's commands, as `--help` lists them."""
    context = click.Context(command, info_name="begat", help_option_names=["-h", "--help"])
    if isinstance(command, click.Group) and not with_help:
        inside = ((name, command.get_command(context, name)) for name in command.commands)
        lines = [f"| `{name}` | {one.get_short_help_str(200)} |" for name, one in inside if one]
        return "\n".join(["| command | what it does |", "|---|---|", *sorted(lines)]) + "\n"
    parameters = command.get_params(context) if with_help else command.params
    options = (parameter for parameter in parameters if isinstance(parameter, click.Option))
    records = filter(None, (option.get_help_record(context) for option in options))
    rows = [f"| `{_cell(option)}` | {_cell(says)} |" for option, says in records]
    return "\n".join(["| option | what it does |", "|---|---|", *rows]) + "\n"


def _section(deeper: str, name: str, section: str) -> str:
    if name not in commands():
        return section
    found = command(name)
    arguments = [
        parameter.make_metavar(_CONTEXT)
        for parameter in found.params
        if isinstance(parameter, click.Argument)
    ]
    heading = " ".join([f"##{deeper} begat", name, *arguments])
    before = _TABLE.search(section)
    rest = section[before.end() - 1 :].strip("\n") if before else ""
    parts = [heading, _paragraphs(found.help or ""), table(found).rstrip(), rest]
    return "\n\n".join(filter(None, parts)) + "\n\n"


def _paragraphs(text: str) -> str:
    paragraphs = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(each.split()), 100, break_on_hyphens=False) for each in paragraphs
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    (markdown.ROOT / PAGE).write_text(in_step(markdown.text(PAGE)).rstrip() + "\n")


if __name__ == "__main__":
    main()
