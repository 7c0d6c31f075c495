"""What is a secret is never stored, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.events import canonical, redact
from begat.lineage.events.redact import HIDDEN, NAMES, PARAMETERS, STEMS

#: Like nothing that an event holds by itself.
SECRET = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789+%~!$*", min_size=8, max_size=30).map(
    "Zq9".__add__
)
CALLED = st.sampled_from(NAMES)
INNOCENT = (
    *("random_state", "max_iter", "tol", "n_tokens", "tokenizer", "token_pattern", "max_tokens"),
    *("key", "name", "keys", "signature", "secretary", "passes", "pass", "cache", "author"),
    *("password_strength", "api", "access", "primary_key", "foreign_key", "sort_key"),
)


def cleaned(value: Any) -> Any:
    """What is stored of an event that holds a value."""
    event = {"run": {"facets": {"x": value}}}
    return dict(redact.redacted(event, canonical(event))[0])["run"]["facets"]["x"]


def spelled(draw: st.DrawFn, name: str) -> str:
    """A name as somebody may spell it."""
    joint = draw(st.sampled_from(["_", "-", ".", ""]))
    written = joint.join(name.split())
    return draw(st.sampled_from([written, written.upper(), written.title()]))


@st.composite
def wrapped(draw: st.DrawFn, leaf: Any) -> Any:
    """A value somewhere inside lists and objects."""
    for _ in range(draw(st.integers(0, 3))):
        leaf = [1, leaf] if draw(st.booleans()) else {"inner": leaf, "max_iter": 5}
    return leaf


@given(st.data(), SECRET)
def test_no_secret_survives_under_its_name(data: st.DataObject, secret: str) -> None:
    """A text under a secret's name is hidden, however deep and however the name is spelled."""
    name = spelled(data.draw, data.draw(CALLED))
    holder = data.draw(
        st.sampled_from(
            [
                {name: secret},
                {name: [secret, "x"]},
                {"name": name, "value": secret},
                {"key": name, "name": "shown", "value": secret},
            ]
        )
    )

    assert secret not in json.dumps(cleaned(data.draw(wrapped(holder))))


@given(st.data(), SECRET)
def test_no_secret_survives_in_a_uri(data: st.DataObject, secret: str) -> None:
    """Passwords and parameters of URIs are hidden, in values and in keys, and the rest stays."""
    scheme = data.draw(st.sampled_from(["postgres", "s3", "https", "jdbc:mysql", "MongoDB+srv"]))
    parameter = spelled(data.draw, data.draw(st.sampled_from(NAMES + PARAMETERS)))
    uri = data.draw(
        st.sampled_from(
            [
                f"{scheme}://me:{secret}@host:5432/db?month=1",
                f"{scheme}://me:{secret}/{secret}@host/db?month=1",
                f"{scheme}://me:{secret}@{secret}@host/db?month=1",
                f"https://{secret}@host/db?month=1",
                f"{scheme}://host/db?month=1&{parameter}={secret}",
                f"{scheme}://host/db?{parameter}={secret}&month=1#top",
                f"Server=host; {parameter}={secret}; Encrypt=month=1",
            ]
        )
    )
    value = data.draw(wrapped({uri: 1} if data.draw(st.booleans()) else f"from {uri} on"))
    text = json.dumps(cleaned(value))

    assert secret not in text
    assert HIDDEN in text
    assert "host" in text
    assert "month=1" in text


@given(
    st.dictionaries(
        st.sampled_from(INNOCENT),
        st.one_of(st.integers(), st.text("abc d"), st.floats(0, 1), st.booleans()),
    )
)
def test_parameters_stay(parameters: dict[str, Any]) -> None:
    """Nothing under any other name is changed, such as an estimator's parameters."""
    entries = [{"key": key, "name": key, "value": value} for key, value in parameters.items()]
    value = {"parameters": parameters, "entries": entries}

    assert cleaned(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "s3://bucket/month=2013-01/token=5/part.csv",
        "abfss://container@account.dfs.core.windows.net/x",
        "ssh://git@github.com/org/repo.git",
        "git@github.com:org/repo.git",
        "postgres://me@host:5432",
        "postgres://host:5432/db@2",
        "http://host:8080/x@y:z@w",
        "docker://python:3.11@sha256:abc",
        "SELECT token FROM t WHERE t.password = u.password AND x=1;",
        "https://host/x?month=1&token_count=5",
        {"password": None, "secret": True, "token": "", "api_key": {"type": "string"}},
        {"fields": [{"name": "password", "type": "varchar"}]},
        {"fields": {"password": {"inputFields": [{"name": "t", "field": "password"}]}}},
        {"environment": {"HF_TOKEN": "blake3:" + "0" * 64}},
        {"packages": {"jwt": "1.3", "cookie": "1.0"}},
        {"api_key": HIDDEN, "uri": f"postgres://me:{HIDDEN}@host?sig={HIDDEN}"},
    ],
)
def test_what_is_no_secret_stays(value: Any) -> None:
    """Users without passwords, columns, digests, packages and what was hidden before stay."""
    assert cleaned(value) == value


@given(st.data(), SECRET)
def test_twice_is_once(data: st.DataObject, secret: str) -> None:
    """Redacting what was redacted changes nothing, and gives the same objects back."""
    value = {data.draw(CALLED): secret, "uri": f"s3://a:{secret}@b/c?sig={secret}"}
    event = {"run": value}
    once, text = redact.redacted(event, canonical(event))

    assert secret not in text
    assert text == canonical(once)
    again = redact.redacted(once, text)
    assert again[0] == once
    assert again[1] == text


def test_what_holds_none_is_not_copied() -> None:
    """An event without secrets is given back as it is, also if it was looked through."""
    event = {"job": {"name": "password", "facets": {"x": {"n_tokens": 5}}}}

    found, _ = redact.redacted(event, canonical(event))

    assert redact.may_hold_secrets(canonical(event))
    assert found is event


def test_a_hidden_result_answers_nothing() -> None:
    """A run whose result had to be redacted is not reused: nobody is given stars for a value."""
    recipe = {"result": {"token": "abc"}, "reusable": True, "digest": "d"}
    event = {"run": {"facets": {"begat_recipe": recipe}}}
    found, _ = redact.redacted(event, canonical(event))

    assert found["run"]["facets"]["begat_recipe"] == {
        "result": {"token": HIDDEN},
        "reusable": False,
        "digest": "d",
    }


def test_every_name_has_a_stem() -> None:
    """The glance at an event's text misses no name."""
    for name in NAMES:
        for joint in ("", "_", "-", "."):
            assert redact.may_hold_secrets(f'{{"{joint.join(name.split()).upper()}":"x"}}')
    for name in PARAMETERS:
        assert redact.may_hold_secrets(f'{{"x":"?{name.replace(" ", "-")}=1"}}')
    assert not redact.may_hold_secrets(f'{{"x":"{" ".join(STEMS)}"}}')
