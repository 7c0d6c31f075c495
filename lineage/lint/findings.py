"""Findings, and every code that one can have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from ..errors import ParameterError

#: An error makes a result that cannot be had again or means nothing; a warning may; info is
#: for those who read.
Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A kind of finding."""

    level: Level
    #: What to do about it, where a finding does not say it more exactly.
    remedy: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "branch-dependency": Code(
            level="error", remedy="name the commit: git+URL@ and its 40 hexadecimal digits"
        ),
        "computed-environment": Code(
            level="warning", remedy='spell the name out: os.environ["NAME"]'
        ),
        "dirty-tree": Code(level="warning", remedy="commit, or undo, what has changed, and run"),
        "floating-dependency": Code(
            level="warning", remedy="pin it (NAME==VERSION), or keep a lock file: `uv lock`"
        ),
        "latest": Code(level="error", remedy="name the version or the date that is meant"),
        "machine-path": Code(
            level="warning",
            remedy="write it relative to the pipeline's file, or as s3://bucket/key",
        ),
        "missing-range": Code(
            level="warning",
            remedy="expect it in `expectations`: expect_column_values_to_be_between with min_value "
            "and max_value",
        ),
        "no-commit": Code(
            level="error", remedy="keep the code in git, commit it, and run from there"
        ),
        "no-data": Code(
            level="error", remedy="give the training task its data as references: lineage.source(…)"
        ),
        "no-dependencies": Code(
            level="warning",
            remedy="write down what it needs in pyproject.toml, and lock it: `uv lock`",
        ),
        "no-holdout": Code(
            level="error", remedy="hold out rows that train nothing: a partition, or holdout=0.2"
        ),
        "no-packages": Code(level="error", remedy="train it with begat, which records them"),
        "no-seed": Code(level="error", remedy="give the training task a seed"),
        "not-reusable": Code(
            level="warning", remedy="let all that decides the result be arguments of the task"
        ),
        "open-random-state": Code(
            level="info", remedy="write it in the estimator, to have the same outside begat"
        ),
        "trained-on-holdout": Code(
            level="error", remedy="evaluate on rows that the model has not seen, and train again"
        ),
        "undeclared-input": Code(
            level="warning", remedy="declare it: lookups={'name': 'path'}, an argument of prepare"
        ),
        "unpinned-image": Code(
            level="warning", remedy="write FROM NAME:TAG@sha256:…, and set BEGAT_IMAGE_DIGEST"
        ),
        "unrecorded-model": Code(
            level="warning",
            remedy="leave it to the pipeline, which registers it, and begat.lineage.load, which "
            "reads it",
        ),
        "unrecorded-run": Code(
            level="error", remedy="train it with begat, or ingest the events of its training run"
        ),
        "unseeded": Code(
            level="error",
            remedy="give it a seed: numpy.random.default_rng(SEED), random_state=SEED",
        ),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong."""

    #: A key of `CODES`; it stays the same for ever.
    code: str
    level: Level
    what: str
    remedy: str
    #: `file:line`, a setting, an argument of the pipeline, or a run.
    where: str

    def to_json(self) -> dict[str, Any]:
        """As `begat lint --json` prints it."""
        return asdict(self)


def found(code: str, what: str, where: str, *, remedy: str = "") -> Finding:
    """A finding with the level of its code, and the code's remedy unless there is a better one."""
    kind = CODES[code]
    return Finding(
        code=code, level=kind.level, what=what, remedy=remedy or kind.remedy, where=where
    )


def counting(
    findings: Iterable[Finding], *, strict: bool = False, ignore: Collection[str] = ()
) -> tuple[Finding, ...]:
    """The findings that count.

    Args:
        findings: of a pipeline or a version.
        strict: whether warnings count, beside errors.
        ignore: codes that do not count.

    Raises:
        ParameterError: `ignore` names no code.
    """
    check_codes(ignore)
    levels = ("error", "warning") if strict else ("error",)
    return tuple(one for one in findings if one.level in levels and one.code not in ignore)


def check_codes(codes: Iterable[str]) -> None:
    """Refuse what is no code.

    Raises:
        ParameterError: names the first, and all codes.
    """
    for code in codes:
        if code not in CODES:
            raise ParameterError(f"no finding has the code {code!r}; codes are {', '.join(CODES)}")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, errors first; those of a level stay in their order."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: LEVELS.index(one.level)))
