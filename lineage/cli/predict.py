"""`begat predict`: what a registered model says of the rows of a file."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError, SignatureError, UserError
from .output import as_json, check_file, print_json, replace, store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..registry.prediction import Violation
    from ..registry.prediction.model import OnViolation, Ranges


@click.command()
@click.argument("ref")
@click.argument("file")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there instead of to stdout: .csv, .jsonl or .parquet.",
)
@click.option(
    "--on-violation",
    type=click.Choice(["raise", "warn", "null"]),
    help="What becomes of rows that the signature refuses; by default as the policy says.",
)
@click.option(
    "--ranges",
    type=click.Choice(["expected", "seen", "off"]),
    default="expected",
    show_default=True,
    help="Refuse values that are not expected, also those never seen in training, or neither.",
)
@as_json
def predict(
    ref: str,
    file: str,
    out: Path | None,
    on_violation: OnViolation | None,
    ranges: Ranges,
    as_json: bool,
) -> None:
    """Predict from the featurized rows of FILE with the model that REF names.

    FILE is CSV, JSON lines or Parquet by its suffix; - is CSV from standard input. Predictions
    come in the order of its rows, as CSV: prediction, and probability_CLASS where the model has
    them. Rows count from 0.
    """
    store()
    check_file(file)
    from ..registry import load
    from ..registry.prediction import files

    kind, written = files.kind_of(file), files.kind_of(str(out or "-"))
    model = load(ref, on_violation=on_violation, ranges=ranges)
    if not model.columns:
        raise ParameterError(
            f"{model.ref} was registered without a signature, which says what its columns are; "
            "use begat.lineage.load in a program"
        )
    rows = files.read(_content(file), kind, model.signature["features"], name=file)
    head: dict[str, Any] = {"model": model.ref, "rows": len(rows)}
    try:
        outputs = model.outputs(rows)
    except SignatureError as error:
        if as_json:
            print_json({**head, "violations": _told(error.violations)})
        raise
    found = files.table(outputs, model.signature["target"].get("classes", ()))
    if out is not None:
        _write(out, files.write(found, written))
    if as_json:
        head["violations"] = _told(model.check(rows))
        head |= {"path": str(out)} if out else {"predictions": files.records(found)}
        print_json(head)
    elif out is None:
        click.echo(files.write(found, written), nl=False)


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); name another file") from None


def _write(path: Path, content: bytes) -> None:
    try:
        replace(path, content)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another --out"
        ) from None


def _told(violations: Iterable[Violation]) -> list[dict[str, Any]]:
    return [
        {
            "row": one.row,
            "column": one.column,
            "value": _plain(one.value),
            "kind": one.kind,
            "expected": one.expected,
            "seen": one.seen,
        }
        for one in violations
    ]


def _plain(value: Any) -> Any:
    known = value is None or isinstance(value, (str, int))
    return value if known or (isinstance(value, float) and isfinite(value)) else str(value)
