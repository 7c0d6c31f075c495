"""Pictures as files."""

from __future__ import annotations

from begat.lineage.cli import pictures as module


def test_pictures_of_one_name_are_two_files() -> None:
    """A flow run that evaluated two models loses the pictures of neither."""
    found = [
        {"picture": name, "format": "svg", "digest": f"blake3:{digest * 64}"}
        for name, digest in (("roc", "a"), ("pr", "a"), ("roc", "b"))
    ]

    assert [name for name, _ in module._named(found)] == ["roc.svg", "pr.svg", "roc-bbbbbbbb.svg"]
