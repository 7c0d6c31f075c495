"""A diff as a person reads it who was woken by it: causes first, then what differs, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..diff.words import column_line, figure
from .output import short

if TYPE_CHECKING:
    from rich.text import Text

#: Entries of a list that a screen shows; `--all` and `--json` have the rest.
CAUSES = 9
PARTITIONS = 10
COLUMNS = 6
SLICES = 8
LINES = 60
_ROLES = {"train": "training", "holdout": "holdout", "both": "both", "lookup": "lookup"}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def lines(found: Mapping[str, Any], *, everything: bool) -> Iterator[Text]:
    """The whole screen."""
    yield _text(f"{found['old']['ref']} → {found['new']['ref']}", "bold")
    if found["job"]:
        yield _text(f"  runs of different jobs: {_arrow(found['job'])}", "bold yellow")
    if found["same"]:
        known = "that is known " if found["notes"] or found["truncated"] else ""
        yield _text(f"  nothing {known}differs")
    yield from _metrics(found["metrics"])
    yield from _holdout(found["holdout"])
    yield from _rescored(found.get("rescore"))
    title = "what could have moved it, the likeliest first"
    if found["old"]["kind"] == "dataset":
        title = "what differs, the farthest moved first"
    elif not any(value["delta"] for value in found["metrics"].values()):
        title = "what could move a metric, the likeliest first"
    yield from _causes(title, found["causes"], everything)
    yield from _data(found["data"], everything)
    yield from _derived(found["derived"], everything)
    yield from _code(found["code"], everything)
    for title in ("parameters", "environment", "seeds", "packages", "image", "hardware"):
        yield from _pairs(title, found[title], everything)
    if found["python"]:
        yield from _pairs("python", {"Python": found["python"]}, everything)
    yield from _slices(found["slices"], everything)
    if found["notes"] or found["truncated"]:
        yield _heading("not known")
        for note in found["notes"]:
            yield _text(f"  {note}", "yellow")
        if found["truncated"]:
            yield _text("  some of their lineage has not arrived: this is not all", "yellow")


def _metrics(found: Mapping[str, Mapping[str, float | None]]) -> Iterator[Text]:
    width = max(map(len, found), default=0)
    for name, value in found.items():
        moved = "" if value["delta"] is None else f"  {_signed(value['delta'])}"
        yield _text(f"  {name:<{width}}  {_number(value['old'])} → {_number(value['new'])}{moved}")


def _holdout(found: Mapping[str, Any]) -> Iterator[Text]:
    if found["same"] is None and not found["old"]["root"] and not found["new"]["root"]:
        return
    verdict = {True: "the same holdout", False: "not the same holdout", None: "holdout not known"}
    style = "" if found["same"] else "bold yellow"
    yield _text(f"  {verdict[found['same']]}: {found['why']}", style)
    for entry in found["moved"][:PARTITIONS]:
        role = entry["role"]
        what = f"{entry['dataset'].rpartition('/')[2]}[{entry['partition']}]"
        yield _text(f"  {what} was for {_role(role['old'])}, is for {_role(role['new'])}")


def _rescored(found: Sequence[Mapping[str, Any]] | None) -> Iterator[Text]:
    if found is None:
        return
    yield _heading("both models on both holdouts")
    if not found:
        yield _text("  not both of them were evaluated by a task that can be asked again")
    names = list(dict.fromkeys(name for entry in found for name in entry.get("metrics", ())))
    width = max([len(entry["model"]) for entry in found], default=0)
    for entry in found:
        said = entry.get("error") or "  ".join(
            f"{name} {_number(entry['metrics'].get(name))}" for name in names
        )
        known = "  (it was trained on this)" if entry["trained_on"] else ""
        yield _text(f"  {entry['model']:<{width}}  on that of {entry['holdout']}  {said}{known}")


def _causes(title: str, found: Sequence[Mapping[str, Any]], everything: bool) -> Iterator[Text]:
    if not found:
        return
    yield _heading(title)
    shown = found if everything else found[:CAUSES]
    for cause in shown:
        style = "" if cause["possible"] else "dim"
        yield _text(f"  {cause['rank']}. {cause['says']}", style or "bold")
        if cause["ground"]:
            yield _text(f"     {cause['ground']}", style)
    if len(found) > len(shown):
        yield _text(f"  and {len(found) - len(shown)} less likely; --all shows them")


def _data(found: Mapping[str, Sequence[Mapping[str, Any]]], everything: bool) -> Iterator[Text]:
    if not any(found[kind] for kind in _SIGNS):
        return
    yield _heading("data from outside")
    for kind, sign in _SIGNS.items():
        entries = found[kind] if everything else found[kind][:PARTITIONS]
        for entry in entries:
            yield _text(f"  {sign} {_entry(entry)}", _style(sign))
            if kind == "changed":
                yield from _columns(entry, everything)
        if len(found[kind]) > len(entries):
            yield _text(f"  {sign} {len(found[kind]) - len(entries)} more {kind}; --all shows them")
    for entry in found.get("same", ()):
        yield _text(f"    {_entry(entry)}")


def _entry(entry: Mapping[str, Any]) -> str:
    name = entry["dataset"].rpartition("/")[2] if ":" in entry["dataset"] else entry["dataset"]
    partition = f"[{entry['partition']}]" if entry["partition"] else ""
    role = f"  {_role(entry['role'])}" if entry.get("role") else ""
    rows, size = entry["rows"], entry["bytes"]
    if isinstance(size, int | None):
        counts = f"{rows:,} rows, " if rows is not None else ""
        return f"{name}{partition}{role}  {counts}{size or 0:,} bytes  {short(entry['digest'])}"
    counts = " ".join(
        f"{sign}{rows[key]:,}"
        for key, sign in (("added", "+"), ("removed", "-"), ("changed", "~"))
        if rows.get(key)
    )
    if rows["new"] is not None:
        counts = f"{_arrow(rows)} rows{f' ({counts})' if counts else ''}, "
    return f"{name}{partition}{role}  {counts}{_arrow(size)} bytes"


def _columns(entry: Mapping[str, Any], everything: bool) -> Iterator[Text]:
    if "unread" in entry:
        yield _text(f"      {entry['unread']}", "yellow")
        quality = entry["quality"]["columns"]
        for column in quality if everything else quality[:COLUMNS]:
            old, new = column["old"], column["new"]
            yield _text(f"      {column['column']} as prepared: {_summary(old, new)}")
        return
    for kind in ("added", "removed"):
        for name in entry["schema"][kind]:
            yield _text(f"      {_SIGNS[kind]} column {name}", _style(_SIGNS[kind]))
    for column in entry["schema"]["changed"]:
        yield _text(f"      {column['column']} is {column['new']}, was {column['old']}")
    columns = entry["columns"]
    for column in columns if everything else columns[:COLUMNS]:
        count = column["changed"]
        values = "" if count is None else f"; {count:,} values changed"
        yield _text(f"      {column_line(column, entry['where'])}{values}")
    if not everything and len(columns) > COLUMNS:
        yield _text(f"      and {len(columns) - COLUMNS} more columns")


def _summary(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {_number(old.get(key))} → {_number(new.get(key))}"
        for key in ("mean", "min", "max", "nullCount", "distinctCount")
        if old.get(key) != new.get(key)
    )


def _derived(found: Mapping[str, Sequence[Mapping[str, Any]]], everything: bool) -> Iterator[Text]:
    counts: dict[str, Counter[str]] = {}
    for kind in _SIGNS:
        for entry in found[kind]:
            counts.setdefault(entry["dataset"], Counter())[kind] += 1
    if not counts:
        return
    yield _heading("what followed from it")
    for dataset, kinds in sorted(counts.items()):
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        yield _text(f"  {dataset}  {said}")
    for entry in found["changed"]:
        if "columns" in entry:
            yield _text(f"  {_SIGNS['changed']} {_entry(entry)}", _style(_SIGNS["changed"]))
            yield from _columns(entry, everything)


def _code(found: Mapping[str, Any], everything: bool) -> Iterator[Text]:
    commits = [("+", one) for one in found["commits"]["added"]]
    commits += [("-", one) for one in found["commits"]["removed"]]
    moved = found["old"]["commit"] != found["new"]["commit"]
    if not (found["tasks"] or commits or moved):
        return
    yield _heading("code")
    for task in found["tasks"]:
        if "side" in task:
            yield _text(f"  {task['task']}: only {task['side']}")
            continue
        said = [f"{_SIGNS[kind]} {name}" for kind in _SIGNS for name in task["functions"][kind]]
        said += [f"{name} {_arrow(task[name])}" for name in ("version", "function") if name in task]
        yield _text(f"  {task['task']}: {', '.join(said)}", "bold")
        diff = task["diff"].splitlines()
        for line in diff if everything else diff[:LINES]:
            yield _text(f"    {line}", _style(line[:1]))
        if not everything and len(diff) > LINES:
            yield _text(f"    … {len(diff) - LINES} more lines; --all shows them")
    if moved:
        old, new = (_commit(found[side]) for side in ("old", "new"))
        yield _text(f"  commit {old} → {new}")
    for sign, commit in commits:
        yield _text(f"  {sign} {commit}", _style(sign))


def _commit(side: Mapping[str, Any]) -> str:
    if not side["commit"]:
        return "none"
    return str(side["commit"])[:10] + (" with uncommitted changes" if side["dirty"] else "")


def _pairs(title: str, found: Mapping[str, Mapping[str, Any]], everything: bool) -> Iterator[Text]:
    if not found:
        return
    yield _heading(title)
    names = list(found)
    if title == "packages" and not everything:
        # Those that no task uses come after those that one does.
        names.sort(key=lambda name: (not found[name]["used"], name))
        names = names[:LINES]
    for name in names:
        value = found[name]
        unused = "" if value.get("used", True) else "  (no task uses it)"
        yield _text(f"  {name}  {_arrow(value)}{unused}")
    if len(found) > len(names):
        yield _text(f"  and {len(found) - len(names)} more; --all shows them")


def _slices(found: Sequence[Mapping[str, Any]], everything: bool) -> Iterator[Text]:
    if not found:
        return
    yield _heading("slices, the largest moves first")
    for entry in found if everything else found[:SLICES]:
        moved = "" if entry["delta"] is None else f"  {_signed(entry['delta'])}"
        yield _text(
            f"  {entry['column']} {entry['value']}  {entry['metric']}  "
            f"{_number(entry['old'])} → {_number(entry['new'])}{moved}  "
            f"{_arrow(entry['rows'])} rows"
        )
    if not everything and len(found) > SLICES:
        yield _text(f"  and {len(found) - SLICES} more; --all shows them")


def _arrow(value: Mapping[str, Any]) -> str:
    old, new = _shown(value["old"]), _shown(value["new"])
    return new if old == new else f"{old} → {new}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text: str = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}" if isinstance(value, float) and abs(value) < 1000 else figure(value)


def _signed(delta: float) -> str:
    return f"{delta:+.4f}" if abs(delta) < 1000 else f"{'+' if delta > 0 else ''}{figure(delta)}"


def _role(role: str | None) -> str:
    return _ROLES.get(role or "", "reading")


def _style(sign: str) -> str:
    return {"+": "green", "-": "red", "@": "cyan"}.get(sign, "")


def _heading(title: str) -> Text:
    return _text(f"\n{title}", "bold underline")


def _text(said: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(said, style=style)
