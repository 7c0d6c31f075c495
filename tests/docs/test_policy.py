"""docs/policy.md beside the rules and gates that there are."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields

from begat.lineage.registry import gates
from begat.lineage.registry.gates import KINDS, lint, metric, relative, report
from begat.lineage.registry.gates.keys import COMMON
from begat.lineage.registry.policy import Policy, parse
from support import markdown

PAGE = markdown.text("docs/policy.md")
SECTIONS = markdown.sections(PAGE)


def test_the_example_is_a_policy() -> None:
    """What the page shows as an example makes sense, key by key, and shows every rule's default."""
    [example] = markdown.blocks(PAGE, "toml")
    said = tomllib.loads(example)["tool"]["begat"]["policy"]
    policy = parse(said, where="the example")
    gates.check(policy, where="the example")
    shown = {
        key: value for key, value in said.items() if key not in ("gates", "required", "rollback_on")
    }

    assert shown == {key: getattr(Policy(), key) for key in shown}
    assert {one["gate"] for one in said["gates"]} == {"metric", "relative", "report"}


def test_rules() -> None:
    """Every rule is in the table of rules, and no other."""
    assert markdown.first_column(SECTIONS["Rules"]) == {one.name for one in fields(Policy)}


def test_kinds() -> None:
    """Every kind of gate is in the table of kinds, and no other."""
    common, kinds = re.split(r"^\| kind .*$", SECTIONS["Gates"], flags=re.MULTILINE)

    assert markdown.first_column(common) == set(COMMON)
    assert markdown.first_column(f"| kind | |{kinds}") == set(KINDS)


def test_keys() -> None:
    """Every key of these kinds is in the kind's own table, and no other."""
    for module, kind in (
        (metric, "metric"),
        (relative, "relative"),
        (report, "report"),
        (lint, "lint"),
    ):
        assert markdown.first_column(SECTIONS[kind]) == set(module._KEYS), kind
