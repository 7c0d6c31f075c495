"""Who acts on the registry, and how that is known."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..capture import git
from ..errors import ParameterError
from ..graph.store import Store
from . import access

#: The environment variable that holds a token of `begat token create`.
TOKEN = "BEGAT_TOKEN"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who acts, in one word, and what that word rests on."""

    who: str
    #: A token proves who acts; the system's user is what the machine says; a policy is nobody.
    kind: Literal["token", "user", "policy"]
    #: Of the token.
    token: str = ""
    #: As git is told it; nobody has checked it.
    email: str = ""
    #: The machine that the act came from.
    host: str = ""

    def to_json(self) -> dict[str, Any]:
        """All but the name, without what is empty."""
        known = {"kind": self.kind, "token": self.token, "email": self.email, "host": self.host}
        return {key: value for key, value in known.items() if value}


#: What acts by itself where a policy says so.
POLICY = Identity(who="begat", kind="policy")


def identity(store: Store, *, text: str | None = None, host: str = "") -> Identity:
    """Who acts: the owner of a token, else the user of this process.

    Args:
        store: where tokens are known.
        text: the token; BEGAT_TOKEN by default.
        host: where the act comes from; this machine by default.

    Raises:
        ParameterError: the token is not known here, is over, or is not for promoting.
        StoreError: the store failed.
    """
    text = os.environ.get(TOKEN, "") if text is None else text
    if not text:
        return of_process(host)
    token = access.find(store, text)
    if token is None or token.state != "active":
        state = token.state if token else "not known here"
        raise ParameterError(
            f"the token in {TOKEN} is {state}; unset it, or take one of `begat token create NAME "
            "--scope promote`"
        )
    if not token.may("promote"):
        raise ParameterError(
            f"token {token.id} of {token.name} in {TOKEN} is for {', '.join(token.scopes)}; take "
            "one with the scope promote"
        )
    return Identity(who=token.name, kind="token", token=token.id, host=host or socket.gethostname())


def of_process(host: str = "") -> Identity:
    """The user of this process, whatever token it has."""
    host = host or socket.gethostname()
    return Identity(who=user(), kind="user", email=git.email(Path.cwd()), host=host)


def user() -> str:
    """Whom this process runs as, as the system knows it."""
    # Not by LOGNAME or USER, as getpass does: one word before a command would be somebody else.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        return f"uid {os.getuid()}"
