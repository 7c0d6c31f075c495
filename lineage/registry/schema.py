"""Whether a signature says all that serving needs to know of the rows a model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NUMBERS = ("int64", "float64")
_KINDS = (*_NUMBERS, "bool", "string")


def gaps(signature: Mapping[str, Any]) -> list[str]:
    """What a signature does not say of its features and its target; empty if it is complete.

    Each feature has a name, a type, and the range or the values that were seen. A column of so
    many values that they are not listed is open: it says how many there were.

    Args:
        signature: JSON, as `begat.tasks.signature` describes it.
    """
    features = signature.get("features")
    if not isinstance(features, list) or not features:
        return ["no features"]
    found = [gap for place, one in enumerate(features) for gap in _feature_gaps(place, one)]
    target = signature.get("target")
    target = target if isinstance(target, Mapping) else {}
    if not (target.get("name") and target.get("dtype")):
        found.append("no name and type of the target")
    return found


def example_gaps(signature: Mapping[str, Any]) -> list[str]:
    """What a signature's input example lacks; empty if the model can be tried with it.

    Args:
        signature: JSON, as `begat.tasks.signature` describes it.
    """
    example = signature.get("example")
    example = example if isinstance(example, Mapping) else {}
    if not example.get("rows"):
        return ["no input example"]
    names = [str(one.get("name")) for one in signature.get("features") or ()]
    if list(example.get("columns") or ()) != names:
        return ["an input example of other columns than its features"]
    outputs = example.get("outputs")
    if not isinstance(outputs, Mapping) or "predict" not in outputs:
        return ["an input example without the outputs that are expected of it"]
    return []


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """How the rows that two models take differ in names, types and order; empty if they do not.

    Args:
        old: signature of the model that is replaced.
        new: of the one that replaces it.
    """
    before, after = _types(old), _types(new)
    found = [f"{name} is gone" for name in before if name not in after]
    found += [f"{name} is new" for name in after if name not in before]
    found += [
        f"{name} is {after[name]}, and was {dtype}"
        for name, dtype in before.items()
        if after.get(name, dtype) != dtype
    ]
    if not found and list(before) != list(after):
        found.append(f"their order is {', '.join(after)}, and was {', '.join(before)}")
    return found


def open_features(signature: Mapping[str, Any]) -> list[str]:
    """Features that had too many values to list: any other value passes, too.

    Args:
        signature: JSON, as `begat.tasks.signature` describes it.
    """
    return [
        one["name"]
        for one in signature.get("features") or ()
        if one.get("dtype") not in _NUMBERS and one.get("values") is None and one.get("distinct")
    ]


def described(signature: Mapping[str, Any]) -> str:
    """Its features in a few words: `distance float64, carrier string`.

    Args:
        signature: JSON, as `begat.tasks.signature` describes it.
    """
    return ", ".join(f"{name} {dtype}" for name, dtype in _types(signature).items())


def _types(signature: Mapping[str, Any]) -> dict[str, str]:
    return {str(one.get("name")): str(one.get("dtype")) for one in signature.get("features") or ()}


def _feature_gaps(place: int, feature: Any) -> Iterator[str]:
    if not isinstance(feature, Mapping) or not isinstance(feature.get("name"), str):
        yield f"no name of feature {place + 1}"
        return
    name, dtype = feature["name"], feature.get("dtype")
    if dtype not in _KINDS:
        yield f"no type of {name}"
    elif dtype in _NUMBERS:
        if feature.get("min") is None or feature.get("max") is None:
            yield f"no range of {name}, which had no values"
    elif not (feature.get("values") or feature.get("distinct")):
        yield f"no values of {name}"
