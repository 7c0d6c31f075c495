"""What `begat gate` and `begat policy` print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from begat.lineage import cli, settings
from begat.lineage.errors import BegatError, GateError, ParameterError, RefError, SettingsError
from begat.lineage.registry import audit, policy, sign_off, stages
from begat.lineage.registry.current import find
from begat.lineage.workspace import Workspace, using, workspace
from support.registered import ADA, BOB, add

FLOOR = {"gate": "metric", "metric": "roc_auc", "at_least": 0.8}


@pytest.fixture
def space(home: Path) -> Workspace:
    """A home with one version."""
    home.mkdir()
    add(workspace())
    return workspace()


def run(*arguments: str) -> tuple[str, BegatError | None]:
    """What a command prints, and the error that it ends with."""
    name, *rest = arguments
    command = cli.begat.get_command(click.Context(cli.begat), name)
    assert command is not None
    result = CliRunner().invoke(command, rest)
    error = result.exception
    assert error is None or isinstance(error, BegatError), result.output
    return result.stdout, error


def says(*arguments: str) -> list[str]:
    """The lines of a command that ends well, with single spaces."""
    printed, error = run(*arguments)
    assert error is None
    return [" ".join(line.split()) for line in printed.splitlines()]


def fails(*arguments: str) -> BegatError:
    """The error that a command ends with."""
    error = run(*arguments)[1]
    assert error is not None
    return error


def objects(*arguments: str) -> dict[str, Any]:
    """The object that a command prints."""
    found: dict[str, Any] = json.loads(run(*arguments, "--json")[0])
    return found


def keep(space: Workspace, **said: Any) -> None:
    """Give the model a policy, which requires no items."""
    policy.save(
        space.store, find(space, "delays@1").version, {"required": [], **said}, identity=ADA
    )


# gate check


def test_passes(space: Workspace) -> None:
    """Each gate has a line; nothing moves."""
    keep(space, gates=[FLOOR])

    assert says("gate", "check", "delays@1") == [
        "gate value has to be more",
        "roc_auc passes 0.9 at least 0.8",
    ]
    assert find(space, "delays@1").stage == "None"


def test_refuses(space: Workspace) -> None:
    """A refusal is printed like the rest, and is an error of exit code 2."""
    keep(space, gates=[FLOOR, {**FLOOR, "at_least": 0.95, "name": "high"}])
    printed, error = run("gate", "check", "delays@1")

    assert "high (roc_auc)  refuses  0.9    at least 0.95" in printed
    assert isinstance(error, GateError)
    assert error.exit_code == 2
    assert str(error) == (
        "delays@1 would not be let into Staging: gate high (roc_auc) is 0.9 (has to be at least "
        "0.95)"
    )


def test_object(space: Workspace) -> None:
    """The object says for which stage, whether it passes, and every verdict."""
    keep(space, gates=[{**FLOOR, "stage": "Production"}])

    assert objects("gate", "check", "delays@1") == {
        "ref": "delays@1",
        "to": "Staging",
        "passed": True,
        "gates": [],
    }
    asked = objects("gate", "check", "delays@1", "--to", "production")
    assert (asked["to"], asked["gates"][0]["value"]) == ("Production", 0.9)


def test_no_gates(space: Workspace) -> None:
    """A policy without gates for a stage lets everything pass, and says so."""
    assert says("gate", "check", "delays@1") == [
        "the policy of delays@1 has no gates for Staging; it would pass"
    ]


def test_the_next_stage(space: Workspace) -> None:
    """A version in Staging is judged for Production; one in Production for none unless told."""
    keep(space, gates=[{**FLOOR, "stage": "Production"}])
    stages.promote(space, "delays@1", to="Staging", identity=ADA)
    assert objects("gate", "check", "delays@1")["to"] == "Production"
    sign_off.sign(space, "delays@1", approve=True, identity=BOB)
    stages.promote(space, "delays@1", to="Production", identity=ADA)

    assert "goes no further; say which gates to ask by --to" in str(
        fails("gate", "check", "delays@1")
    )
    assert objects("gate", "check", "delays@1", "--to", "Production")["passed"]


# gate report


def test_report(space: Workspace) -> None:
    """A report is confirmed in a line, and in full as an object."""
    assert says("gate", "report", "delays@1", "shadow", "--passed")[0].startswith(
        "delays@1: shadow passed, by "
    )
    told = objects("gate", "report", "delays@1", "shadow", "--failed", "--value", "0.2")
    assert (told["report"]["body"], told["rollback"]) == (
        {"gate": "shadow", "passed": False, "value": 0.2},
        None,
    )


def test_report_rolls_back(space: Workspace) -> None:
    """A rollback that a report sets off has a line of its own."""
    add(space)
    keep(space, rollback_on=["canary"])
    for ref in ("delays@1", "delays@2"):
        stages.promote(space, ref, to="Staging", identity=ADA)
        sign_off.sign(space, ref, approve=True, identity=BOB)
        stages.promote(space, ref, to="Production", identity=ADA)
    _, line = says("gate", "report", "delays@2", "canary", "--failed", "--reason", "slow")

    moved = "delays@1: Staging → Production in place of delays@2"
    assert line == f"{moved}, by begat (canary failed for delays@2: slow)"


def test_report_of_nothing(space: Workspace) -> None:
    """A report says whether it passed, and of which version."""
    for said in ([], ["--passed", "--failed"]):
        error = fails("gate", "report", "delays@1", "shadow", *said)
        assert isinstance(error, ParameterError)
        assert "either --passed or --failed" in str(error)
    assert audit.entries(space.store) == []
    assert isinstance(fails("gate", "report", "delays@7", "shadow", "--passed"), RefError)


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ({"gates": [{"gate": "report", "name": "shadow"}], "rollback_on": ["canary"]}, True),
        ({}, False),
    ],
    ids=["others", "none"],
)
def test_report_that_nothing_waits_for(space: Workspace, said: dict[str, Any], asks: bool) -> None:
    """A misspelt name is kept, with a warning that says which names something comes of."""
    keep(space, **said)
    told = CliRunner().invoke(cli.begat, ["gate", "report", "delays@1", "canari", "--failed"])

    assert told.exit_code == 0
    assert "nothing comes of 'canari'" in told.stderr
    assert ("asks for canary, shadow" if asks else "asks for no report") in told.stderr
    assert audit.entries(space.store)[-1].body["gate"] == "canari"


@pytest.mark.parametrize("name", ["canary", "shadow"])
def test_report_that_is_waited_for(space: Workspace, name: str) -> None:
    """Nothing is warned of where a gate or a rollback hangs on the name."""
    keep(space, gates=[{"gate": "report", "name": "shadow"}], rollback_on=["canary"])
    told = CliRunner().invoke(cli.begat, ["gate", "report", "delays@1", name, "--failed"])

    assert (told.exit_code, told.stderr) == (0, "")


# policy


@pytest.fixture
def everywhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes the rules for every model, and goes to where they hold."""

    def write(text: str) -> Workspace:
        (tmp_path / "pyproject.toml").write_text(text)
        monkeypatch.chdir(tmp_path)
        return Workspace(settings.load())

    return write


def test_show_defaults(everywhere: Any) -> None:
    """Without a store or any rules the defaults are shown as such."""
    everywhere("")
    shown = says("policy", "show")

    assert shown[0] == "rule value from"
    assert "stable_hours 48 default" in shown
    assert "gates none default" in shown


def test_show(everywhere: Any, home: Path) -> None:
    """What a pipeline says wins over what holds for every model; both are told apart."""
    home.mkdir()
    given = everywhere(
        '[tool.begat.policy]\nsign_off = "other"\nretain_days = 90\n'
        '[[tool.begat.policy.gates]]\ngate = "report"\nname = "shadow"\n'
    )
    with using(given):
        add(given)
        keep(given, retain_days=7)
        model, every = says("policy", "show", "delays"), says("policy", "show")
        shown = objects("policy", "show", "delays")

    assert "retain_days 7 pipeline" in model
    assert "retain_days 90 pyproject.toml" in every
    for lines in (model, every):
        assert "sign_off other pyproject.toml" in lines
        assert "gates report: name = shadow pyproject.toml" in lines
    assert (shown["policy"]["retain_days"], shown["from"]["retain_days"]) == (7, "pipeline")


def test_show_of_nothing(space: Workspace) -> None:
    """A model that is not registered is refused, with those that are."""
    assert "no model is named 'rides'; there is delays" in str(fails("policy", "show", "rides"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sign_of = 1", "[tool.begat.policy] in pyproject.toml has no key 'sign_of'; it knows"),
        ("stable_hours = -1", "stable_hours in [tool.begat.policy] in pyproject.toml is a number"),
        ('gates = ["metric"]', "gates in [tool.begat.policy] in pyproject.toml is a list of"),
        ('gates = [{gate = "metrik"}]', "there is no gate 'metrik'; there are"),
        ('gates = [{gate = "report"}]', "has no name: add it, the name of a report; see gates in"),
        ('gates = [{gate = "report", name = "a", stage = "Prod"}]', "is Staging or Production"),
        ('promote = "Staging"', "is one of manual, staging; got 'Staging'"),
        ('rollback_on = "canary"', "rollback_on in [tool.begat.policy] in pyproject.toml is a lis"),
    ],
    ids=range(8),
)
def test_nonsense(everywhere: Any, text: str, told: str) -> None:
    """Every rule that makes no sense is named, with what is expected."""
    everywhere(f"[tool.begat.policy]\n{text}\n")
    error = fails("policy", "check")

    assert isinstance(error, SettingsError)
    assert told in str(error)


def test_sound(everywhere: Any, home: Path) -> None:
    """All that is sound is listed, the rules of every registered model, too."""
    home.mkdir()
    given = everywhere('[tool.begat.policy]\nsign_off = "other"\n')
    with using(given):
        add(given)
        keep(given, gates=[FLOOR])
        shown = says("policy", "check")
        listed = objects("policy", "check")["checked"]

    assert shown == [
        "the policy of pyproject.toml is sound: 0 gates",
        "the policy of delays is sound: 1 gate",
    ]
    assert listed["delays"]["sign_off"] == "other"


def test_unsound_for_all(everywhere: Any, home: Path) -> None:
    """What is asked of a model names the file that has a misspelt rule, not the model."""
    home.mkdir()
    given = everywhere("[tool.begat.policy]\nsign_of = 'other'\n")
    with using(given):
        add(given)
        error = fails("policy", "show", "delays")

    assert "[tool.begat.policy] in pyproject.toml has no key 'sign_of'" in str(error)


def test_unsound_of_a_model(space: Workspace) -> None:
    """What an older pipeline has said of a model is checked, and the model named."""
    keep(space, gates=[{"gate": "gone"}])

    assert "there is no gate 'gone'" in str(fails("policy", "check"))
    assert "see gates in the policy of delays" in str(fails("policy", "check"))
