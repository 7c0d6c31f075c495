from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from begat.lineage import settings
from begat.lineage.workspace import Workspace
from support.registered import add
from support.serving import Served

ACTS = "/api/v2/acts"


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
    assert registered.client.get(ACTS, params={"until": "2020-01-01"}).json() == {"entries": []}


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
        ({"act": "report", "ref": "delays@1"}, 422),
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
    assert registered.client.get(ACTS).json() == {"entries": []}
