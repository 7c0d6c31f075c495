from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.metrics import confusion_matrix

from begat.tasks.pictures import confusion
from support.predictions import binary, in_words, multiclass, texts


def test_counts_are_scikit_learns() -> None:
    """Rows are the true classes and columns what they were taken for."""
    said = multiclass()
    data = confusion.measure(said, "kind")

    assert data["classes"] == ["a", "b", "c"]
    assert data["counts"] == confusion_matrix(said.truth, said.predicted).tolist()


def test_classes_that_do_not_occur_have_their_row() -> None:
    """The model's classes are all there, in its order."""
    said = binary()
    data = confusion.measure(said.of(np.flatnonzero(said.positive)), "late")

    assert data["classes"] == [0, 1]
    assert data["counts"][0] == [0, 0]


def test_a_class_that_the_model_never_saw_is_a_row() -> None:
    """What only the holdout holds comes after the model's classes."""
    said = multiclass()
    truth = said.truth.copy()
    truth[:5] = "z"
    data = confusion.measure(replace(said, truth=truth), "kind")

    assert data["classes"] == ["a", "b", "c", "z"]
    assert sum(data["counts"][3]) == 5


def test_numbers_for_booleans_are_the_same_classes() -> None:
    """1 is no class beside True."""
    said = replace(binary(), classes=np.array([False, True]), predicted=binary().scores > 0.5)

    assert confusion.measure(said, "late")["classes"] == [False, True]


def test_the_rest_of_many_classes_is_together() -> None:
    """Forty classes are the most frequent ones and the others; no row is lost, right or not."""
    said = multiclass(3000, classes=[f"class {number:02}" for number in range(40)])
    data = confusion.measure(said, "kind")
    content = confusion.draw(data)
    whole = confusion_matrix(said.truth, said.predicted)
    shown = [int(name[-2:]) for name in data["classes"]]

    assert (len(shown), data["others"]) == (confusion.MOST_CLASSES, 40 - confusion.MOST_CLASSES)
    assert sum(map(sum, data["counts"])) == 3000
    assert data["counts"][0][:-1] == whole[shown[0], shown].tolist()
    assert data["right"] == whole.trace()
    assert "24 others" in texts(content)
    assert f"{data['right']:,} of 3,000 rows right" in " ".join(texts(content))
    assert len(content) < 50_000


def test_shares_are_written() -> None:
    """Counts and percents are text, so that no shade has to be read."""
    counts = [[90, 10], [0, 0]]
    data = {
        "target": "late",
        "classes": ["no", "yes"],
        "others": 0,
        "counts": counts,
        "right": 90,
    }
    content = confusion.draw(data)

    assert {"90", "90.0 %", "10", "10.0 %"} <= set(texts(content))
    assert "90 of 100 held-out rows were given their class" in in_words(content)[1]
