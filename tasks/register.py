"""register: a model that was trained and evaluated becomes a version with a number."""

from __future__ import annotations

from begat import lineage
from begat.lineage.content.digest import digest_bytes
from begat.lineage.records import DatasetVersion, ModelVersion

VERSION = 1


def register(
    model: DatasetVersion, signature: DatasetVersion, evaluation: DatasetVersion, *, name: str
) -> ModelVersion:
    """The next version of the model `name`, or the one that these three already are.

    A version carries its metrics, slices and signature. Everything else it was made of is
    in the lineage of its training run, which it names: data, code and its commit,
    parameters, packages, image, hardware and seeds. What of that a version has to have, and
    this one lacks, is said in a warning and kept with it.

    Args:
        model: what train wrote.
        signature: what train wrote beside it.
        evaluation: what evaluate wrote about it.
        name: the model's name.

    Raises:
        StoreError: the registry cannot be reached; the next run registers what was trained.
    """
    from begat.lineage.events import facets
    from begat.lineage.registry import policy, required, versions
    from begat.lineage.workspace import workspace

    run, space = lineage.current(), workspace()
    evaluated = lineage.read(evaluation)
    body = {
        "task": evaluated["task"],
        "metrics": evaluated["metrics"],
        "slices": evaluated["slices"],
        "signature": lineage.read(signature),
        "evaluation_digest": evaluation.digest,
        "signature_digest": signature.digest,
    }
    lacks = required.at_registration(space, model.producer, digest=model.digest, body=body)
    version = versions.register(
        space.store,
        model=name,
        # Outside a run there is no recipe; what is registered stands for it.
        recipe=run.recipe
        or digest_bytes("\n".join([model.digest, signature.digest, evaluation.digest]).encode()),
        run_id=run.run_id,
        training_run_id=model.producer,
        digest=model.digest,
        body={**body, "missing": {item.name: str(item) for item in lacks}},
    )
    facet = facets.model_version(
        name,
        version.version,
        digest=model.digest,
        signature=signature.digest,
        training_run=model.producer,
    )
    names = policy.policy_of(space, name).required
    if said := "; ".join(str(item) for item in lacks if item.name in names):
        space.warn(f"{version} lacks what it needs to be promoted: {said}")
    run.output_facet(version, "begat_modelVersion", facet)
    return version
