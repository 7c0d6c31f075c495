"""SVG of our own: the same numbers are the same bytes, on every machine, for ever.

No dates, no random ids, no fonts inside, numbers with at most two decimals. A picture
brings its own background, dark where the viewer prefers that, so that its ink is always
legible; series differ by dashes and names as well as by colour. A title and a description
say in words what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: Characters that XML 1.0 cannot hold, and those that turn the direction of what follows.
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LIGHT: Final = ("#ffffff", "#1b1f24", "#57606a", "#d0d7de")
_DARK: Final = ("#0d1117", "#e6edf3", "#9198a1", "#3d444d")
#: One a series, legible on white and on black; after Okabe and Ito, darkened and lightened.
_SERIES_LIGHT: Final = ("#0550ae", "#a84300", "#116329", "#8250df", "#99286e", "#57606a")
_SERIES_DARK: Final = ("#79c0ff", "#ffa657", "#7ee787", "#d2a8ff", "#ff9bce", "#b1bac4")
_DASHES: Final = ("", "7 4", "2 3", "10 3 2 3", "5 2", "12 3 2 3 2 3")
#: As many series as can be told apart.
SERIES: Final = len(_DASHES)
#: No picture has room for more letters.
_LONGEST: Final = 500


def number(value: float) -> str:
    """A coordinate: at most two decimals, none that are zero, no negative zero.

    >>> [number(value) for value in (1.005, 3.0, -0.001, 12.5)]
    ['1', '3', '0', '12.5']
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def clean(value: object, most: int = 0) -> str:
    """Anything as text that a picture can show: one line, its middle cut out if it is too wide.

    Args:
        value: a name from a user's data.
        most: how many letters of usual width there is room for; 0 for any number.
    """
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
    text = _UNFIT.sub("\ufffd", re.sub(r"[\t\n\r]+", " ", text))
    if not most or _width(text) <= most:
        return text
    # Names of one kind often differ at their ends.
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while _width(head) + _width(tail) > most - 1:
        if _width(head) >= _width(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"


def escaped(text: str) -> str:
    """Text between tags, or between double quotes, whatever it holds."""
    text = _UNFIT.sub("\ufffd", text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text


class Drawing:
    """A picture while it is drawn.

    Args:
        name: of the picture, `roc`; lowercase letters.
        title: what it shows.
        subtitle: the most important numbers.
        description: both in words, for who cannot see it.
        width: in pixels.
        height: in pixels.
    """

    def __init__(
        self,
        *,
        name: str,
        title: str,
        subtitle: str,
        description: str,
        width: float = 560,
        height: float = 400,
    ) -> None:
        self.name = name
        self.title = clean(title)
        self.description = clean(description)
        self.width = width
        self.height = height
        self._parts: list[str] = []
        self.text(16, 26, clean(title, int((width - 32) / 8.5)), css="title")
        self.text(16, 46, clean(subtitle, int((width - 32) / 6.2)), css="muted")

    def element(self, tag: str, content: str = "", **attributes: str | float) -> None:
        """Add an element.

        Args:
            tag: its name.
            content: text inside; it is escaped.
            attributes: numbers are formatted, text is escaped; `css` is `class`, `_` is `-`.
        """
        said = "".join(
            f' {"class" if key == "css" else key.replace("_", "-")}="'
            f'{number(value) if isinstance(value, float | int) else escaped(value)}"'
            for key, value in attributes.items()
            if value != ""
        )
        inside = f">{escaped(content)}</{tag}>" if content else "/>"
        self._parts.append(f"<{tag}{said}{inside}")

    def text(self, x: float, y: float, content: str, *, css: str = "", transform: str = "") -> None:
        """Write a line; `css` is any of `title muted middle end small`."""
        self.element("text", content, x=x, y=y, css=css, transform=transform)

    def line(self, x1: float, y1: float, x2: float, y2: float, *, css: str) -> None:
        """Draw a straight line."""
        self.element("line", x1=x1, y1=y1, x2=x2, y2=y2, css=css)

    def box(
        self, x: float, y: float, width: float, height: float, *, css: str, opacity: float = 1
    ) -> None:
        """Fill a rectangle."""
        fill: str | float = "" if opacity == 1 else opacity
        self.element("rect", x=x, y=y, width=width, height=height, css=css, fill_opacity=fill)

    def path(self, points: Iterable[tuple[float, float]], *, css: str) -> None:
        """Draw a line through points."""
        places = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self.element("polyline", points=places, css=css)

    def bytes(self) -> bytes:
        """The finished picture, as UTF-8."""
        size = f"{number(self.width)} {number(self.height)}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="begat-picture" role="img" '
            f'viewBox="0 0 {size}" width="{number(self.width)}" height="{number(self.height)}" '
            f'aria-labelledby="{self.name}-title {self.name}-description">'
        )
        parts = [
            head,
            f'<title id="{self.name}-title">{escaped(self.title)}</title>',
            f'<desc id="{self.name}-description">{escaped(self.description)}</desc>',
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" class="paper"/>',
            *self._parts,
            "</svg>\n",
        ]
        return "\n".join(parts).encode()


def _width(text: str) -> int:
    # Scripts of wide letters begin at Hangul; what is narrower there does no harm.
    return sum(2 if ord(letter) >= 0x1100 else 1 for letter in text)


def _colours(plain: tuple[str, ...], series: tuple[str, ...]) -> str:
    paper, ink, muted, grid = plain
    rules = [
        f".paper{{fill:{paper}}}",
        f"text{{fill:{ink}}}",
        f".muted{{fill:{muted}}}",
        f".grid{{stroke:{grid}}}",
        f".axis,.rule{{stroke:{muted}}}",
        f".whisker{{stroke:{ink}}}",
    ]
    for index, colour in enumerate(series):
        rules.append(f".s{index}{{stroke:{colour}}}.f{index}{{fill:{colour}}}")
    return _scoped(rules)


def _scoped(rules: Iterable[str]) -> str:
    # Inside a page, a picture's rules are about that picture alone.
    return re.sub(r"(^|\}|,)(?=[.a-z])", r"\1.begat-picture ", "".join(rules))


_SHAPES: Final = (
    "text{font:12px sans-serif}",
    ".title{font-size:16px;font-weight:600}",
    ".small{font-size:10.5px}",
    ".middle{text-anchor:middle}",
    ".end{text-anchor:end}",
    ".grid,.axis,.rule,.whisker{stroke-width:1}",
    ".rule{stroke-dasharray:3 4}",
    "polyline{fill:none;stroke-width:2;stroke-linejoin:round}",
    *(f".s{index}{{stroke-dasharray:{dash}}}" for index, dash in enumerate(_DASHES) if dash),
)
_STYLE: Final = (
    _scoped(_SHAPES)
    + _colours(_LIGHT, _SERIES_LIGHT)
    + f"@media (prefers-color-scheme:dark){{{_colours(_DARK, _SERIES_DARK)}}}"
)
