"""Functions out of archives of sources, and how they differ."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from begat.lineage.capture import sources as capture
from begat.lineage.content import MemoryStore
from begat.lineage.diff import sources
from begat.lineage.diff.reading import Reader

OLD = """\
LIMIT: int = 3


@staticmethod
def twice(x):
    return 2 * x


class Model:
    depth = 1

    def fit(self):
        return self.depth


def outer():
    def inner():
        return 1
    return inner
"""
texts = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


def diff(old: str, new: str, *labels: str) -> list[str]:
    """The lines of a diff of one file."""
    archives = (sources.Archive(files={"m.py": text}) for text in (old, new))
    return sources.difference(*archives, list(labels)).splitlines()


def changes(lines: list[str]) -> list[str]:
    """The lines that went or came."""
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_function() -> None:
    """A function is shown by itself, with its decorators, under its file's name."""
    lines = diff(OLD, OLD.replace("2 * x", "3 * x"), "twice")

    assert lines[:2] == ["--- m.py: twice", "+++ m.py: twice"]
    assert " @staticmethod" in lines
    assert changes(lines) == ["-    return 2 * x", "+    return 3 * x"]


def test_method_and_attribute() -> None:
    """A method, a class's attribute and a global are found by their qualified names."""
    assert changes(diff(OLD, OLD.replace("self.depth", "9"), "Model.fit")) == [
        "-        return self.depth",
        "+        return 9",
    ]
    assert changes(diff(OLD, OLD.replace("= 1\n", "= 2\n"), "Model.depth")) == [
        "-    depth = 1",
        "+    depth = 2",
    ]
    assert changes(diff(OLD, OLD.replace("= 3", "= 4"), "LIMIT")) == [
        "-LIMIT: int = 3",
        "+LIMIT: int = 4",
    ]


def test_inner_function() -> None:
    """A function inside another is shown with the one around it, a namesake by its name."""
    for label in ("outer.<locals>.inner", "outer (2)"):
        lines = diff(OLD, OLD.replace("return 1\n", "return 2\n"), label)

        assert lines[0] == "--- m.py: outer"
        assert changes(lines) == ["-        return 1", "+        return 2"]


def test_new_and_gone() -> None:
    """A function that one side has not is all new, or all gone."""
    lines = diff("", "def f():\n    pass\n", "f")

    assert lines[0] == "--- /dev/null"
    assert changes(lines) == ["+def f():", "+    pass"]


def test_unknown_label_shows_the_file() -> None:
    """Where a label is nowhere in the text, the files that differ are shown."""
    assert changes(diff("x = 1\ny = 2\n", "x = 1\ny = 3\n", "<lambda>")) == ["-y = 2", "+y = 3"]


def test_other_python() -> None:
    """A file that this Python cannot parse is shown as a whole."""
    assert changes(diff("print 1\n", "print 2\n", "f")) == ["-print 1", "+print 2"]


@given(texts, texts)
def test_diff_leads_from_old_to_new(old: str, new: str) -> None:
    """What is not added is the old text, what is not removed the new one."""
    lines = sources.unified(old, new, "a", "b")[2:]
    body = [line for line in lines if not line.startswith("@@")]
    kept = [[line[1:] for line in body if line[0] in f" {sign}"] for sign in "-+"]

    if len(old.splitlines()) <= sources.CONTEXT and old.splitlines() != new.splitlines():
        assert kept == [old.splitlines(), new.splitlines()]
    assert all(line in old.splitlines() for line in kept[0])
    assert all(line in new.splitlines() for line in kept[1])


@given(texts, texts)
def test_diff_is_mirrored(old: str, new: str) -> None:
    """The diff the other way round has the same lines with the other sign."""
    turned = str.maketrans("+-", "-+")
    forth = sources.unified(old, new, "a", "a")[2:]
    back = sources.unified(new, old, "a", "a")[2:]

    assert sorted(line for line in forth if line[0] != "@") == sorted(
        line[0].translate(turned) + line[1:] for line in back if line[0] != "@"
    )


def test_archive(tmp_path: Path) -> None:
    """An archive that a run kept is read once, and one that is gone is told."""
    store = MemoryStore()
    (tmp_path / "m.py").write_text(OLD)
    digest = capture.archive([tmp_path / "m.py"], store, root=tmp_path)
    reader = Reader(artifacts=store, limit=1)
    archives = sources.Archives(reader=reader)
    found = archives.get(digest, "train")

    assert found is not None
    assert found.files == {"m.py": OLD}
    assert archives.get(digest, "train") is found
    assert archives.get("", "train") is None
    assert archives.get("blake3:" + "0" * 64, "train") is None
    assert reader.notes[0].startswith("the source code of train cannot be compared")
