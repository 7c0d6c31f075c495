"""`begat token`: who may ask the server for what."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from ..registry import access
from ..registry.access import SCOPES, Token
from .output import as_json, console, moment, patient_store, print_json


@click.group()
def token() -> None:
    """Make, list and revoke the server's tokens.

    As soon as there is one, every request needs one.
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it is for; may be given several times, admin is all.",
)
@click.option("--expires", "days", type=int, metavar="DAYS", help="Days until it is worth nothing.")
@as_json
def create(name: str, scopes: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """Make a token for NAME, a person or program, and print it this once."""
    with closing(patient_store(make=True)) as store:
        made, text = access.create(store, name, scopes, days=days)
        where = store.name
    if as_json:
        print_json({**_shown(made), "token": text})
        return
    click.echo(text)
    until = f" until {moment(made.expires_at)}" if made.expires_at else ""
    click.echo(
        f"begat: token {made.id} of {made.name} for {', '.join(made.scopes)}{until}, in the store "
        f"{where}; it is not shown again",
        err=True,
    )


@token.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List all tokens that were made, not what they are."""
    with closing(patient_store()) as store:
        found = [_shown(one) for one in access.tokens(store)]
    if as_json:
        print_json({"tokens": found})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "scopes", "state", "created", "expires"):
        table.add_column(heading)
    for one in found:
        table.add_row(
            *(one["id"], one["name"], ", ".join(one["scopes"]), one["state"]),
            *(moment(one["created_at"]), moment(one["expires_at"])),
        )
    console().print(table if found else "no token is made yet; `begat token create` makes one")


@token.command()
@click.argument("identifier", metavar="ID")
@as_json
def revoke(identifier: str, as_json: bool) -> None:
    """Let the token ID be worth nothing from now on; to do it again is no error."""
    with closing(patient_store()) as store:
        revoked = access.revoke(store, identifier)
    if as_json:
        print_json(_shown(revoked))
    else:
        click.echo(f"token {revoked.id} of {revoked.name} is revoked")


def _shown(one: Token) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": list(one.scopes),
        "state": one.state,
        "created_at": one.created_at,
        "expires_at": one.expires_at or None,
        "revoked_at": one.revoked_at or None,
    }
