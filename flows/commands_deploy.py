"""`begat deploy`: a pipeline as a deployment of Prefect's."""

from __future__ import annotations

from pathlib import Path

import click

from begat.lineage.cli.output import as_json, print_json, say


@click.command()
@click.argument("pipeline")
@click.option("--pool", required=True, help="Work pool whose workers run it.")
@click.option("--name", default="training", show_default=True, help="The deployment's name.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where workers find the pipeline's file; this folder by default.",
)
@click.option(
    "--cron",
    metavar="EXPR",
    help="When it runs: '0 6 * * 1-5'; '' for no schedule. If not given, the one that it has.",
)
@click.option("--timezone", default="UTC", show_default=True, help="Of the schedule.")
@click.option(
    "--on-arrival/--not-on-arrival",
    default=True,
    show_default=True,
    help="Run when `begat watch` tells that data has come.",
)
@click.option("--partitions", default="", metavar="EXPR", help="Train on these only.")
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another value for a parameter: train.max_iter=60. May be given more than once.",
)
@click.option(
    "--env",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable of its runs: BEGAT_STORE=… May be given more than once.",
)
@click.option(
    "--job-variable",
    "variables_of_jobs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another of the work pool's job variables: namespace=training. May be given more than "
    "once.",
)
@click.option(
    "--image-digest",
    default="",
    metavar="sha256:…",
    help="Digest of the image that its runs work in.",
)
@click.option(
    "--backfill", is_flag=True, help="Deploy also the flow that trains for each of a range."
)
@click.option(
    "--notify",
    default="",
    metavar="TYPE/NAME",
    help="Notification block to tell of runs that fail and models that are worse.",
)
@as_json
def deploy(
    pipeline: str,
    pool: str,
    name: str,
    folder: Path | None,
    cron: str | None,
    timezone: str,
    on_arrival: bool,
    partitions: str,
    parameters: tuple[str, ...],
    env: tuple[str, ...],
    variables_of_jobs: tuple[str, ...],
    image_digest: str,
    backfill: bool,
    notify: str,
    as_json: bool,
) -> None:
    """Let Prefect run PIPELINE: on a schedule, and when its data arrives.

    PIPELINE is FILE.py:NAME or PACKAGE.MODULE:NAME. One run at a time; others wait for it.
    Deploying again changes what was deployed, and lets it go on if it was paused.
    """
    from begat.lineage import settings

    from . import inputs
    from .deploy import Deployment, environment, job_variables
    from .deploy import deploy as register
    from .load import load
    from .parameters import apply, assignment

    loaded = load(pipeline)
    apply(loaded, parameters)  # refuses what no run could work with
    inputs.check_expression(loaded, partitions)
    given = {"partitions": partitions} if partitions else {}
    if parameters:
        given["parameters"] = dict(map(assignment, parameters))  # type: ignore[assignment]  # another kind of parameter
    variables = environment(env)
    if image_digest:
        variables["BEGAT_IMAGE_DIGEST"] = image_digest
        settings.load(environ=variables)  # refuses what is no digest
    done = register(
        loaded,
        Deployment(
            pipeline=pipeline,
            name=name,
            pool=pool,
            folder=folder or Path.cwd(),
            cron=cron,
            timezone=timezone,
            on_arrival=on_arrival,
            parameters=given,
            environment=variables,
            job_variables=job_variables(variables_of_jobs),
            backfill=backfill,
            notify=notify,
        ),
    )
    if as_json:
        print_json(
            {
                "deployment": done.name,
                "id": done.id,
                "backfill": done.backfill or None,
                "datasets": list(done.datasets),
                "automations": list(done.automations),
                "schedules": list(done.schedules),
            }
        )
        return
    say(done.name, f"  on work pool {pool}")
    for schedule in done.schedules:
        say("  schedule", f"  {schedule}")
    for dataset in done.waits_for:
        say("  runs when", f"  {dataset} gets new partitions")
    if done.backfill:
        say("  a range  ", (f"prefect deployment run {done.backfill} -p each=EXPR", "bold"))
    say("  run it now  ", (f"prefect deployment run {done.name}", "bold"))
