"""The confusion matrix: what rows of each class were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..signature import plain
from .svg import Drawing, clean

if TYPE_CHECKING:
    from ..metrics import Predictions

#: Classes that are drawn one by one; the rest are one row and column.
MOST_CLASSES = 16
OTHERS = "others"


def measure(said: Predictions, target: str) -> dict[str, Any]:
    """Counts of rows by true and predicted class.

    Returns:
        `target`, `classes` (the model's, and after them those it never saw; the
        `MOST_CLASSES` that most rows are or were taken for), `others` (how many more there
        are, which are together in a last row and column), `counts`, a row for each true
        class, and `right`, how many rows were taken for what they are.
    """
    import numpy as np

    names = [plain(value) for value in said.classes]
    places = {name: place for place, name in enumerate(names)}
    pairs = []
    for column in (said.truth, said.predicted):
        values, which = np.unique(column, return_inverse=True)
        numbers = [places.setdefault(plain(value), len(places)) for value in values]
        pairs.append(np.array(numbers)[which])
    names = list(places)
    size = len(names)
    counts = np.bincount(pairs[0] * size + pairs[1], minlength=size * size).reshape(size, size)
    right = int(counts.trace())
    others = max(0, size - MOST_CLASSES)
    if others:
        rows = counts.sum(axis=0) + counts.sum(axis=1)
        shown = sorted(np.argsort(-rows, kind="stable")[:MOST_CLASSES].tolist())
        group = np.full(size, len(shown))
        group[shown] = np.arange(len(shown))
        folded = np.zeros((len(shown) + 1, len(shown) + 1), dtype=np.int64)
        np.add.at(folded, (group[:, None], group[None, :]), counts)
        names, counts = [names[place] for place in shown], folded
    return {
        "target": target,
        "classes": names,
        "others": others,
        "counts": counts.tolist(),
        "right": right,
    }


def draw(data: dict[str, Any]) -> bytes:
    """The matrix, a row for each true class, shaded by its share of the row."""
    counts: list[list[int]] = data["counts"]
    names = [clean(name, 14) for name in data["classes"]]
    names += [f"{data['others']} {OTHERS}"] if data["others"] else []
    rows, right = sum(map(sum, counts)), data["right"]
    size = min(110.0, max(34.0, 330 / len(names)))
    left, top = 150.0, 110.0
    side = size * len(names)
    drawing = Drawing(
        name="confusion",
        title=f"Confusion matrix of {clean(data['target'], 30)}",
        subtitle=f"{right:,} of {rows:,} rows right ({_percent(right, rows)})",
        description=_in_words(data, counts, rows, right),
        width=max(440.0, left + side + 30),
        height=top + side + 46,
    )
    drawing.text(
        left + side / 2,
        top + side + 28,
        f"{'percent' if size >= 60 else 'shade'}: share of the true class",
        css="muted middle",
    )
    drawing.text(16, top - 10, "true ↓   predicted →", css="muted")
    for place, name in enumerate(names):
        middle = (place + 0.5) * size
        drawing.text(left - 10, top + middle + 4, name, css="end")
        if size >= 80:
            drawing.text(left + middle, top - 10, name, css="middle")
        else:
            x, y = left + middle - 4, top - 10
            drawing.text(x, y, clean(name, 9), transform=f"rotate(-40 {x:.0f} {y:.0f})")
    for row, line in enumerate(counts):
        whole = sum(line)
        for column, count in enumerate(line):
            x, y = left + column * size, top + row * size
            if count:
                shade = round(0.06 + 0.44 * count / whole, 2)
                drawing.box(x + 1, y + 1, size - 2, size - 2, css="f0", opacity=shade)
            _label(drawing, count, whole, (x + size / 2, y + size / 2), size)
    for place in range(len(names) + 1):
        at = place * size
        drawing.line(left, top + at, left + side, top + at, css="grid")
        drawing.line(left + at, top, left + at, top + side, css="grid")
    return drawing.bytes()


def _label(
    drawing: Drawing, count: int, whole: int, middle: tuple[float, float], size: float
) -> None:
    x, y = middle
    if size < 60:
        drawing.text(x, y + 4, _short(count) if count else "·", css="middle small")
        return
    drawing.text(x, y - 2, f"{count:,}" if size >= 80 else _short(count), css="middle")
    if whole:
        drawing.text(x, y + 15, _percent(count, whole), css="middle small")


def _in_words(data: dict[str, Any], counts: list[list[int]], rows: int, right: int) -> str:
    said = [f"{right:,} of {rows:,} held-out rows were given their class."]
    for place, name in enumerate(data["classes"][:6]):
        whole = sum(counts[place])
        if whole:
            said.append(
                f"Of {whole:,} rows of {clean(name, 20)}, {_percent(counts[place][place], whole)} "
                "were recognised."
            )
    return " ".join(said)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _short(count: int) -> str:
    if count < 10_000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"
