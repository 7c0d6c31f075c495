from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings
from begat.lineage.workspace import Workspace
from support.registered import add
from support.serving import Served

ACTS = "/api/v2/acts"
#: A page of a log without rows.
NONE = {"entries": [], "reasons": [], "next": None, "truncated": False}


@pytest.fixture
def registered(served: Served, home: Path) -> Served:
    """A server whose registry has two versions of a model."""
    with served.store() as store:
        space = Workspace(settings.load(), store=store)
        add(space), add(space)
    return served


def do(served: Served, headers: dict[str, str] | None = None, **said: Any) -> Any:
    """Send an act."""
    answer = served.client.post(ACTS, json=said, headers=headers or {})
    return answer.status_code, answer.json()


def test_the_way_to_production_and_back(registered: Served) -> None:
    """All acts are done over HTTP, and listed as rows of the log."""
    for ref in ("delays@1", "delays@2"):
        for said in (
            {"act": "promote", "to": "Staging"},
            {"act": "approve", "reason": "seen"},
            {"act": "promote", "to": "Production"},
        ):
            status, answer = do(registered, ref=ref, **said)
            assert (status, answer["changed"]) == (200, True)
    assert do(registered, act="alias", ref="delays@2", alias="blue")[0] == 200
    status, answer = do(registered, act="rollback", ref="delays", reason="worse")
    assert (status, answer["entry"]["version"]) == (200, 1)
    rows = registered.client.get(ACTS, params={"model": "delays"}).json()["entries"]

    assert [row["action"] for row in rows][-2:] == ["alias", "rollback"]
    assert registered.client.get(ACTS, params={"until": "2020-01-01"}).json() == NONE


def test_rules_of_the_server_make_no_sense(
    registered: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is the server that is to be mended, and not the request."""
    (tmp_path / "pyproject.toml").write_text("[tool.begat.policy]\nsign_of = 'other'\n")
    monkeypatch.chdir(tmp_path)
    status, answer = do(registered, act="promote", ref="delays@1", to="Staging")

    assert status == 500
    assert "[tool.begat.policy] in pyproject.toml has no key 'sign_of'" in answer["detail"]


def test_report(registered: Served) -> None:
    """What a canary came to is kept, with its numbers; one that failed as well."""
    for passed in (True, False):
        status, answer = do(
            registered, act="report", ref="delays@1", gate="canary", passed=passed, value=0.2
        )
        assert (status, answer["entry"]["action"]) == (200, "report")
        assert answer["entry"]["body"] == {"gate": "canary", "passed": passed, "value": 0.2}


def test_who_acts_is_whom_the_token_says(registered: Served) -> None:
    """The name of the token is in the log; a token for something else may not act."""
    reads, promotes = registered.token("read"), registered.token("promote")
    said = {"act": "promote", "ref": "delays@1", "to": "Staging"}

    assert do(registered, **said)[0] == 401
    assert do(registered, reads, **said)[0] == 403
    status, answer = do(registered, promotes, **said)
    assert (status, answer["entry"]["who"]) == (200, "test")
    assert answer["entry"]["identity"]["kind"] == "token"


def test_what_the_rules_forbid(registered: Served) -> None:
    """It is a conflict, and the answer says what has to come first."""
    status, answer = do(registered, act="promote", ref="delays@1", to="Production")

    assert (status, answer["retriable"]) == (409, False)
    assert "straight to Production" in answer["detail"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"act": "delete", "ref": "delays@1"}, 422),
        ({"act": "promote", "ref": "delays@1", "to": "Archived"}, 422),
        ({"act": "promote", "ref": "delays@9", "to": "Staging"}, 404),
        ({"act": "alias", "ref": "delays@1"}, 422),
        ({"act": "alias", "ref": "delays@blue", "delete": True}, 404),
        ({"act": "alias", "ref": "delays@blue", "delete": True, "alias": "blue"}, 422),
        ({"act": "report", "ref": "delays@1", "passed": True}, 422),
        ({"act": "report", "ref": "delays@1", "gate": "canary"}, 422),
        ({"act": "rollback", "ref": "delays"}, 422),
        ({"act": "promote", "ref": "delays@1", "to": "Staging", "more": 1}, 422),
        ({"ref": "delays@1"}, 422),
    ],
)
def test_bad_acts(registered: Served, said: dict[str, Any], status: int) -> None:
    """What cannot be done is refused in one line, and nothing is logged."""
    found, answer = do(registered, **said)

    assert found == status
    assert "\n" not in answer["detail"]
    assert registered.client.get(ACTS).json() == NONE


@pytest.mark.parametrize(
    "body", [b"", b"act=promote", b'{"act": "promote"', b'["promote"]', b"\xff"]
)
def test_no_act_at_all(registered: Served, body: bytes) -> None:
    """A body that is no JSON, or no object, cannot be read; what would be one is said."""
    answer = registered.client.post(ACTS, content=body)

    assert answer.status_code == 400
    assert '{"act": …, "ref": …}' in answer.json()["detail"]


def test_a_stage_in_any_case(registered: Served) -> None:
    """Stages are taken as the command line takes them, and written as they are called."""
    status, answer = do(registered, act="promote", ref="delays@1", to="staging")

    assert (status, answer["entry"]["after"]) == (200, "Staging")


def test_an_alias_is_taken_away(registered: Served) -> None:
    """A name that was given is taken away by itself, and the log says from which version."""
    do(registered, act="alias", ref="delays@1", alias="blue")
    status, answer = do(registered, act="alias", ref="delays@blue", delete=True)

    assert (status, answer["entry"]["version"]) == (200, None)
    assert answer["entry"]["body"] == {"alias": "blue", "was": 1}


def test_pages(registered: Served) -> None:
    """The log comes in pages, which together are all of it, each row once."""
    for name in "abcde":
        do(registered, act="alias", ref="delays@1", alias=name)
    seen, after = [], {}
    while after is not None:
        page = registered.client.get(ACTS, params={"limit": 2, **after}).json()
        assert len(page["entries"]) <= 2
        assert page["truncated"]
        seen += [row["seq"] for row in page["entries"]]
        after = {"after": page["next"]} if page["next"] else None

    assert seen == [1, 2, 3, 4, 5]
    assert not registered.client.get(ACTS, params={"limit": 5}).json()["truncated"]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"modell": "delays"}, 422, "it takes after, limit, model, until"),
        ({"model": "delay"}, 404, "no model is named 'delay'; there is delays"),
        ({"until": "yesterday"}, 422, "'yesterday' is no time"),
        ({"limit": 0}, 422, "limit"),
        ({"after": "x"}, 422, "after is what a page gave as its next"),
    ],
    ids=range(5),
)
def test_bad_questions(registered: Served, asked: dict[str, Any], status: int, says: str) -> None:
    """A question that nobody understands is refused; no rows are no answer to it."""
    answer = registered.client.get(ACTS, params=asked)

    assert (answer.status_code, says in answer.json()["detail"]) == (status, True)


def test_a_model_of_which_nothing_is_logged(registered: Served) -> None:
    """It has an empty log."""
    assert registered.client.get(ACTS, params={"model": "delays"}).json() == NONE
