from __future__ import annotations

from begat.flows import Report, TaskReport


def task(state: str) -> TaskReport:
    """A task in some state."""
    return TaskReport(job="delays.train", partition="", run_id="", state=state)  # type: ignore[arg-type]  # of a literal


def test_a_report_counts_its_tasks() -> None:
    """Executed are those that did work, reused those that were answered."""
    report = Report(tasks=tuple(map(task, ("COMPLETE", "REUSED", "REUSED"))))
    shown = report.to_json()

    assert (report.count("COMPLETE", "REUSED"), shown["executed"], shown["reused"]) == (3, 1, 2)


def test_a_plan_is_stale_if_anything_has_to_run() -> None:
    """What depends on a stale task may have to run as well."""
    assert [
        Report(tasks=(task("REUSED"), task(state))).stale
        for state in (*("STALE", "PENDING", "REUSED", "COMPLETE"),)
    ] == [True, True, False, False]


def test_what_is_not_known_is_null() -> None:
    """A plan has no flow run, and no model version before it is run."""
    shown = Report().to_json()

    assert (shown["model_version"], shown["flow_run_id"], shown["prefect_flow_run_id"]) == (
        None,
        None,
        None,
    )
