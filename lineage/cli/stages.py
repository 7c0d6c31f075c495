"""`begat promote`, `approve`, `reject`, `archive`, `rollback` and `alias`: acts on the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError
from ..graph.stages import named
from .output import as_json, counted, print_json, say, short, size, space

if TYPE_CHECKING:
    from ..registry.audit import Entry
    from ..registry.identity import Identity
    from ..workspace import Workspace

Command = Callable[..., None]

because = click.option("--reason", default="", metavar="TEXT", help="Why; the log keeps it.")
by_force = click.option(
    "--force", is_flag=True, help="Do it although it is refused; takes a --reason."
)


@click.command()
@click.argument("ref")
@click.option(
    "--to",
    type=click.Choice(["Staging", "Production"], case_sensitive=False),
    required=True,
    help="The stage to enter. Nothing goes straight to Production.",
)
@because
@by_force
@click.option(
    "--tag",
    is_flag=True,
    help="Make an annotated git tag, MODEL-vN, at the commit that it was trained from.",
)
@as_json
def promote(ref: str, to: str, reason: str, force: bool, tag: bool, as_json: bool) -> None:
    """Let REF, a model version, enter Staging or Production if its gates let it.

    What is in Production goes to Staging, and is archived when the new one is stable.
    """
    from ..registry import release, stages

    place, who = _acting()
    # What cannot be tagged is not promoted either; the other way round there would be no way back.
    planned = release.plan(place, ref, Path.cwd(), stage=to) if tag else None
    entry = stages.promote(place, ref, to=to, identity=who, reason=reason, force=force)
    # Told first: it is promoted, whatever comes of the tag.
    _told(entry, "" if entry else _there(place, ref), as_json)
    if planned is not None and planned.make():
        say(f"begat: tagged {planned.name}; `git push origin {planned.name}`", stderr=True)


@click.command()
@click.argument("ref")
@because
@as_json
def approve(ref: str, reason: str, as_json: bool) -> None:
    """Sign off REF, a version in Staging, for Production."""
    from ..registry import sign_off

    place, who = _acting()
    entry = sign_off.sign(place, ref, approve=True, identity=who, reason=reason)
    _told(entry, f"{ref} is in Production already", as_json)


@click.command()
@click.argument("ref")
@because
@as_json
def reject(ref: str, reason: str, as_json: bool) -> None:
    """Say why REF, a version in Staging, may not go to Production; takes a --reason."""
    from ..registry import sign_off

    place, who = _acting()
    entry = sign_off.sign(place, ref, approve=False, identity=who, reason=reason)
    _told(entry, "", as_json)


@click.command()
@click.argument("ref", required=False)
@click.option(
    "--due", is_flag=True, help="Archive what a version has replaced that is stable by now."
)
@because
@by_force
@as_json
def archive(ref: str | None, due: bool, reason: str, force: bool, as_json: bool) -> None:
    """Archive REF, a version that is not in Production, or with --due all that is due."""
    from ..registry import stages

    if due == (ref is not None):
        raise ParameterError("say which version to archive, or --due for those that are to be")
    place, who = _acting()
    if ref is not None:
        entry = stages.archive(place, ref, identity=who, reason=reason, force=force)
        _told(entry, f"{ref} is archived already", as_json)
        return
    done = stages.settle(place)
    if as_json:
        print_json({"archived": [entry.to_json() for entry in done]})
        return
    for entry in done:
        _say(entry)
    if not done:
        say("nothing is to be archived now")


@click.command()
@click.argument("ref")
@click.option("--to", default="", metavar="REF", help="To this earlier version, not to the last.")
@because
@as_json
def rollback(ref: str, to: str, reason: str, as_json: bool) -> None:
    """Take back REF, a model or its version in Production; takes a --reason.

    The version that was there before is put back, its files verified first; the one that is taken
    back is archived.
    """
    from ..registry import stages

    place, who = _acting()
    _told(stages.rollback(place, ref, identity=who, reason=reason, to=to), "", as_json)


@click.command()
@click.argument("ref")
@click.argument("name", required=False)
@click.option("--delete", is_flag=True, help="Take the alias REF, MODEL@NAME, away.")
@because
@as_json
def alias(ref: str, name: str | None, delete: bool, reason: str, as_json: bool) -> None:
    """Give REF, a model version, the alias NAME, so that MODEL@NAME names it."""
    from ..registry import aliases

    if delete != (name is None):
        raise ParameterError(
            "say `begat alias MODEL@VERSION NAME`, or `begat alias MODEL@NAME --delete`"
        )
    place, who = _acting()
    if name is not None:
        entry = aliases.put(place, ref, name, identity=who, reason=reason)
        _told(entry, f"{ref} has the alias {name} already", as_json)
        return
    model, _, old = ref.rpartition("@")
    _told(aliases.remove(place, model, old, identity=who, reason=reason), "", as_json)


def _there(place: Workspace, ref: str) -> str:
    """Where a version is that has nowhere to go."""
    from ..registry.current import find

    found = find(place, ref)
    return f"{found.version} is in {found.stage} already"


def sentence(entry: Entry) -> str:
    """An act as people read it: `delays@3: Staging → Production, by ada`."""
    if not entry.model:
        return f"{_cleared(entry)}, by {entry.who}{f' ({entry.reason})' if entry.reason else ''}"
    of = f"{entry.model}@{entry.version}" if entry.version else entry.model
    alias = entry.body.get("alias")
    if alias is not None:
        what = f"is {entry.model}@{alias}" if entry.version else f"@{alias} is taken away"
    elif entry.after:
        what = f"{named(entry.before)} → {entry.after}"
    elif entry.action == "policy":
        was, now = entry.body["was"], entry.body["policy"]
        what = "its pipeline has other rules: " + ", ".join(
            key for key in sorted({*was, *now}) if was.get(key) != now.get(key)
        )
    elif entry.action == "report":
        what = f"{entry.body['gate']} {'passed' if entry.body['passed'] else 'failed'}"
    elif entry.action == "refuse":
        what = f"refused for {entry.body.get('to')}: {gates(entry.body)}"
    else:
        what = {"approve": "approved", "reject": "rejected"}.get(entry.action, entry.action)
    moved = f" in place of {entry.model}@{entry.replaced}" if entry.replaced else ""
    forced = "; forced past " + ", ".join(entry.body["forced"]) if entry.body.get("forced") else ""
    why = f" ({entry.reason})" if entry.reason else ""
    return f"{of}: {what}{moved}{forced}, by {entry.who}{why}"


def _cleared(entry: Entry) -> str:
    """What a collection or a purge took."""
    body = entry.body
    if entry.action == "purge":
        whole = " and what was made of it" if body["with_derived"] else ""
        of = short(body["ref"]) if body["ref"].startswith("blake3:") else body["ref"]
        return f"purged {of}{whole}: {counted(len(body['digests']), 'artifact')}"
    took = f"collected {counted(body['artifacts'], 'artifact')}, {size(body['bytes'])}"
    of = f" (files of {', '.join(body['versions'])} among them)" if body["versions"] else ""
    return took + of


def gates(body: Mapping[str, Any]) -> str:
    """The gates that refused."""
    from ..registry.gates import Verdict

    return "; ".join(Verdict(**one).says() for one in body.get("gates", ()) if not one["passed"])


def _acting() -> tuple[Workspace, Identity]:
    from ..registry.identity import identity

    place = space()
    return place, identity(place.store)


def _told(entry: Entry | None, otherwise: str, as_json: bool) -> None:
    if as_json:
        print_json({"changed": entry is not None, "entry": entry.to_json() if entry else None})
    elif entry is None:
        say(otherwise)
    else:
        _say(entry)


def _say(entry: Entry) -> None:
    say(sentence(entry))
