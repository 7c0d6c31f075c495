"""Secrets taken out of events before anything is stored or hashed.

| what | becomes |
|---|---|
| the password of a URI | `postgres://me:***@host/db` |
| a word before the `@` of an http URI | `https://***@host/repo.git` |
| a parameter of a URI or connection string | `https://host/x?sig=***`, `Server=h;Password=***` |
| a text or number under a secret's name, or the texts of a list there | `"api_key":"***"` |
| the `value` beside a `name` or `key` that is such a name | `"name":"PGPASSWORD","value":"***"` |

A secret's name is one of a fixed list, whole, in any case, its words joined by `_`, `-`, `.`,
a space or nothing. Whatever is called otherwise (`n_tokens`, `tokenizer`, `random_state`)
stays. So do objects under such a name, though what they hold is looked at: a column may be
called `password`; so do digests, and versions of packages. What an event says besides, and
what was redacted before, is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..errors import EventError
from .canonical import canonical

#: What stands in a secret's place.
HIDDEN = "***"

#: Names of secrets, wherever they are keys; words are joined as the sender likes.
NAMES = (
    *("password", "passwd", "passphrase", "db password", "database password"),
    *("secret", "secret key", "secret access key", "client secret", "api secret", "app secret"),
    *("token", "api token", "access token", "refresh token", "id token", "auth token"),
    *("session token", "bearer token", "security token", "sas token", "jwt"),
    *("api key", "x api key", "access key", "account key", "storage account key"),
    *("shared access key", "shared access signature", "private key", "ssh private key"),
    *("private key passphrase", "key password", "truststore password", "keystore password"),
    *("authorization", "proxy authorization", "cookie", "set cookie", "credentials"),
    *("aws secret access key", "aws secret key", "aws session token", "aws security token"),
    *("fs s3a secret key", "fs s3a session token", "fs s3a access key"),
    *("spark hadoop fs s3a secret key", "spark hadoop fs s3a session token"),
    # Environment variables.
    *("pgpassword", "mysql pwd", "mysql password", "mysql root password", "postgres password"),
    *("redis password", "snowflake password", "snowflake private key passphrase"),
    *("github token", "gh token", "gitlab token", "ci job token", "npm token", "pypi token"),
    *("hf token", "hugging face hub token", "openai api key", "anthropic api key"),
    *("google api key", "azure client secret", "azure storage key", "azure storage account key"),
    *("azure storage connection string", "databricks token", "dbt env secret", "slack token"),
    *("wandb api key", "comet api key", "neptune api token", "mlflow tracking password"),
    *("mlflow tracking token", "prefect api key", "openlineage api key", "sentry dsn"),
)
#: Further names of parameters in URIs and connection strings.
PARAMETERS = (
    *("pwd", "sig", "signature"),
    *("x amz signature", "x amz security token", "x goog signature"),
)
#: Schemes whose `name:tag@digest` looks like a password and is none.
_IMAGES = frozenset({"docker", "oci", "docker-daemon", "containers-storage"})
#: Schemes where a user is told by a token alone.
_HTTP = frozenset({"http", "https", "git+http", "git+https"})


def _pattern(names: tuple[str, ...]) -> str:
    return "|".join(sorted((name.replace(" ", "[ ._-]?") for name in names), key=len, reverse=True))


_NAME = re.compile(_pattern(NAMES), re.IGNORECASE)
_PARAMETER = re.compile(
    rf"""([?&;]\s{{0,9}}(?:{_pattern(NAMES + PARAMETERS)})\s{{0,9}}=)([^&;#\s"'<>]+)""",
    re.IGNORECASE,
)
#: What stands before the last @ of an authority. A password may hold a slash where no port can
#: be meant. Bounded, so that no text takes longer than its length.
_USER = r"""://([^/?#\s"'<>]*|[^/?#\s"'<>@:]{1,%d}:(?!\d+[/?#])[^\s"'<>@]{1,%d})@"""
_AUTHORITY = re.compile(_USER % (300, 300))
_SCHEME = re.compile(r"[a-z0-9+.-]+$", re.IGNORECASE)
_DIGEST = re.compile(r"(blake3|md5|sha\d+):[0-9a-f]{32,}")
#: One of these is in each name. To look for them costs a tenth of looking for the names.
STEMS = (
    *("pass", "pwd", "secret", "token", "jwt", "authorization", "cookie", "credential"),
    *("api", "access", "account", "private", "azure", "sig=", "signature=", "dsn"),
)
# On lower case: in the whole text of an event this is many times as fast as ignoring it.
_ANY_AUTHORITY = re.compile(_USER % (2000, 2000))  # escapes make the text longer
_NAMED = re.compile(f'"(?:{_pattern(NAMES)})"')
_SEPARATED = re.compile(rf"[?&;]\s{{0,9}}(?:{_pattern(NAMES + PARAMETERS)})\s{{0,9}}=")


def redacted(event: Mapping[str, Any], text: str) -> tuple[Mapping[str, Any], str]:
    """An event without secrets, and its canonical text; the same objects if it has none.

    Args:
        event: what was received or recorded.
        text: its canonical text.

    Raises:
        EventError: it nests too deeply to be looked through.
    """
    if not may_hold_secrets(text):
        return event, text
    try:
        clean = _clean(event)
    except RecursionError:
        raise EventError("the event nests lists and objects too deeply; send it flatter") from None
    return (event, text) if clean is event else (clean, canonical(clean))


def may_hold_secrets(text: str) -> bool:
    """Whether an event is to be looked through: a glance at its canonical text."""
    lowered = text.lower()
    return bool(
        ("@" in lowered and _ANY_AUTHORITY.search(lowered))
        or (
            any(stem in lowered for stem in STEMS)
            and (_NAMED.search(lowered) or (_separates(lowered) and _SEPARATED.search(lowered)))
        )
    )


def _separates(text: str) -> bool:
    return "=" in text and ("?" in text or "&" in text or ";" in text)


def _clean(value: Any, *, secret: bool = False) -> Any:
    """A value without secrets; itself if it holds none."""
    if isinstance(value, str):
        return HIDDEN if secret and value and not _DIGEST.fullmatch(value) else _text(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, (list, tuple)):
        cleaned = [_clean(item, secret=secret and isinstance(item, str)) for item in value]
        return value if all(map(_same, cleaned, value)) else cleaned
    if secret and isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return HIDDEN
    return value


def _object(value: Mapping[str, Any]) -> Mapping[str, Any]:
    named = _is_name(value.get("name")) or _is_name(value.get("key"))
    cleaned: dict[str, Any] = {}
    for key, item in value.items():
        if key == "packages" and isinstance(item, Mapping):  # there is one called jwt
            cleaned[key] = item
        elif key == "begat_recipe" and isinstance(item, Mapping):
            cleaned[key] = _recipe(item)
        else:
            cleaned[_text(key)] = _clean(item, secret=_is_name(key) or (named and key == "value"))
    unchanged = cleaned.keys() == value.keys() and all(map(_same, cleaned.values(), value.values()))
    return value if unchanged else cleaned


def _recipe(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    cleaned = _object(recipe)
    if _same(cleaned.get("result"), recipe.get("result")):
        return cleaned
    return {**cleaned, "reusable": False}  # nobody may be given stars for what a run returned


def _is_name(text: object) -> bool:
    return isinstance(text, str) and len(text) < 60 and _NAME.fullmatch(text) is not None


def _text(text: str) -> str:
    if "@" in text:
        text = _AUTHORITY.sub(_user, text)
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", text) if _separates(text) else text


def _user(found: re.Match[str]) -> str:
    scheme = _SCHEME.search(found.string[max(found.start() - 40, 0) : found.start()])
    name, colon, password = found.group(1).partition(":")
    if not scheme or scheme.group().lower() in _IMAGES:
        return found.group()
    if password:
        return f"://{name}:{HIDDEN}@"
    if name and not colon and scheme.group().lower() in _HTTP:
        return f"://{HIDDEN}@"
    return found.group()


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, str) and one == other)
