"""The image, as the deployment tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from begat.lineage.capture import image
from begat.lineage.capture.image import Image
from begat.lineage.settings import Settings

ONE = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def settings(digest: str = "") -> Settings:
    """Settings with this BEGAT_IMAGE_DIGEST."""
    return Settings(home=Path(), store="", artifacts="", image_digest=digest)


@pytest.mark.parametrize(
    ("digest", "variables", "expected"),
    [
        ("", {}, Image()),
        ("", {"image": "team/delays:2"}, Image(reference="team/delays:2")),
        ("", {"image": "team/delays"}, Image(reference="team/delays")),
        (
            "",
            {"image": f"team/delays:2@{ONE}"},
            Image(digest=ONE, reference=f"team/delays:2@{ONE}"),
        ),
        ("", {"image": f"team/delays@{ONE}0"}, Image(reference=f"team/delays@{ONE}0")),
        ("", {"image": f"team/delays:{ONE[7:]}"}, Image(reference=f"team/delays:{ONE[7:]}")),
        ("", {"image": None}, Image()),
        ("", {"image": {"tag": ONE}}, Image()),
        (OTHER, {}, Image(digest=OTHER)),
        (OTHER, {"image": f"a@{ONE}"}, Image(digest=OTHER, reference=f"a@{ONE}")),
    ],
)
def test_an_image_is_told_never_guessed(
    digest: str, variables: dict[str, Any], expected: Image
) -> None:
    """BEGAT_IMAGE_DIGEST wins, then a pinned reference; a tag gives no digest."""
    assert image.capture(settings(digest), variables) == expected


def test_what_is_not_known_has_no_facet() -> None:
    """Without an image there is nothing to say."""
    assert image.capture(settings()).to_facet() == {}


def test_the_facet_says_digest_and_reference() -> None:
    """What is known of the image, and nothing empty, is in the facet."""
    facet = Image(reference="team/delays:2").to_facet()

    assert facet["reference"] == "team/delays:2"
    assert "digest" not in facet
