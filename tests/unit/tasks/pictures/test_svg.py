from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from begat.tasks.pictures.svg import Drawing, clean, number
from support.predictions import SVG, in_words, texts, tree

HOSTILE = [
    "<script>alert(1)</script>",
    '"/><a href="javascript:alert(1)">x</a>',
    "a & b &amp; <![CDATA[ ]]> -->",
    "</text></svg>",
    "nul \x00 bell \x07 escape \x1b half \ud800 last \uffff",
    "\u202eevil\u202c",
    "two\nlines\tand a tab",
]


def drawing(name: str = "roc", **said: str) -> Drawing:
    """A drawing about something."""
    given = {"title": "t", "subtitle": "s", "description": "d"} | said
    return Drawing(name=name, **given)  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    """Whatever a name holds, the picture is XML and the name is text in it."""
    made = drawing(title=text, subtitle=text, description=text)
    made.text(1, 2, clean(text), css=text)
    content = made.bytes()

    assert {node.tag.removeprefix(SVG) for node in tree(content).iter()} == {
        "svg", "title", "desc", "style", "rect", "text",
    }  # fmt: skip
    assert clean(text) in texts(content)
    assert in_words(content) == (clean(text), clean(text))


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_any_text_can_be_drawn(text: str) -> None:
    """There is no string at all that breaks a picture."""
    made = drawing(title=text)
    made.element("circle", r=1.0, css=clean(text))

    assert tree(made.bytes()).find(f"{SVG}title") is not None


def test_text_that_turns_around_or_breaks_lines_is_made_plain() -> None:
    """Control characters are shown as what they are, and lines are one."""
    assert clean("a\nb\x00c\u202ed") == "a b\ufffdc\ufffdd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("carrier", "carrier"),
        ("mean delay of 2013", "mean… 2013"),
        ("漢字" * 4, "漢字…漢字"),
        ("a" * 9_999 + "bc", "aaaa…aaabc"),
    ],
)
def test_wide_text_is_cut(text: str, expected: str) -> None:
    """What has no room lacks its middle, not the end that tells it from others.

    Wide letters take two places.
    """
    assert clean(text, 10) == expected


@given(st.floats(-1e6, 1e6))
def test_numbers_are_short_and_near(value: float) -> None:
    """A coordinate has at most two decimals, says what it stands for, and is never -0."""
    text = number(value)

    assert re.fullmatch(r"-?\d+(\.\d{1,2})?", text)
    assert text != "-0"
    assert abs(float(text) - value) <= 0.0051


def test_a_picture_says_what_it_shows() -> None:
    """Who cannot see it is told title and description."""
    root = tree(drawing(title="ROC of late", description="It is good.").bytes())
    labels = (root.get("aria-labelledby") or "").split()

    assert root.get("role") == "img"
    assert [node.text for node in root if node.get("id") in labels] == [
        "ROC of late",
        "It is good.",
    ]


def test_dark_viewers_get_their_own_paper_and_ink() -> None:
    """The colours for dark viewers replace every colour, the paper's among them."""
    style = tree(drawing().bytes()).findtext(f"{SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    coloured = re.compile(r"\.begat-picture ([.\w]+(?:,[^{]*)?)\{(?:fill|stroke):#")

    assert set(coloured.findall(dark)) == set(coloured.findall(light)) >= {".paper", "text", ".s0"}


def test_rules_stay_inside_the_picture() -> None:
    """Inside a page, no rule of a picture is about anything else."""
    style = tree(drawing().bytes()).findtext(f"{SVG}style") or ""
    selectors = re.findall(r"(?:^|[{}])([^{}@]+)\{", style)

    assert selectors
    assert all(
        part.startswith(".begat-picture ") for one in selectors for part in one.split(",") if part
    )
