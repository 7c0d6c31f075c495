"""Images that a Dockerfile begins with: by digest, or by a name that can come to mean another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .findings import Finding, found
from .places import place

_ARG = re.compile(r"ARG\s+(?P<name>\w+)=(?P<value>\S+)", re.IGNORECASE)
_FROM = re.compile(
    r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+][^}]*)?\}|(\w+))")
_FOLDERS = (".", "deployments", "deployment", "docker")


def of_folder(folder: Path) -> Iterator[Finding]:
    """The images that a project's Dockerfiles take by a tag.

    Args:
        folder: of the project.
    """
    for name in _FOLDERS:
        for file in sorted((folder / name).glob("Dockerfile*")):
            if file.is_file():
                yield from _of_file(file)


def _of_file(file: Path) -> Iterator[Finding]:
    values: dict[str, str] = {}
    stages = {"scratch"}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if given := _ARG.match(line.strip()):
            values[given["name"]] = given["value"].strip("\"'")
        if (taken := _FROM.fullmatch(line.strip())) is None:
            continue
        image = _filled(taken["image"], values)
        if image.lower() not in stages and "@sha256:" not in image:
            _, _, tag = image.rpartition("/")[2].partition(":")
            says = f"by the tag {tag}, which can move on" if tag else "without a tag: the latest"
            yield found("unpinned-image", f"the image {image} is taken {says}", place(file, number))
        if taken["stage"]:
            stages.add(taken["stage"].lower())


def _filled(image: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: values.get(m[1] or m[2], m[0]), image)
