"""What each stream should come to, written from the DAGs in `dags/` and the models in `shop/`.

Nothing here was copied from events. Where a producer is known to say something else than what
its definition means, that stands under `DIFFERENTLY`, with the reason: a reader of its events
cannot know better. `{lake}` and `{postgres}` are folders and addresses of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping

from .lineage import UNKNOWN, Ends, Lineage, Name, Parents, Upstream

NOTHING: frozenset[Name] = frozenset()


def file(name: str) -> Name:
    """A file that a DAG reads or writes."""
    return ("file", f"{{lake}}/{name}.csv")


def table(name: str) -> Name:
    """A table that `tables` reads or writes."""
    return ("{postgres}", f"postgres.public.{name}")


def shop(name: str) -> Name:
    """A table or view in dbt's database, as schema.name."""
    return ("duckdb://shop.duckdb", f"shop.{name}")


def _of(*names: Name) -> frozenset[Name]:
    return frozenset(names)


# --- dags/files.py -------------------------------------------------------------------------

FILES: Upstream = {
    file("orders"): {"files.land": NOTHING},
    file("days"): {"files.by_day": _of(file("orders"))},
    file("cities"): {"files.by_city": _of(file("orders"))},
    file("report"): {"files.join": _of(file("days"), file("cities"))},
}
FILES_ENDS: Ends = {
    job: {"COMPLETE": 1}
    for job in ("files", "files.land", "files.by_day", "files.by_city", "files.join")
}
FILES_PARENTS: Parents = {
    job: frozenset({"files"})
    for job in ("files.land", "files.by_day", "files.by_city", "files.join")
}

# --- dags/tables.py ------------------------------------------------------------------------

TABLES: Upstream = {
    table("orders"): {"tables.raw": NOTHING},
    table("days"): {"tables.days": _of(table("orders"))},
    table("cities"): {"tables.cities": _of(table("orders"))},
    table("report"): {"tables.report": _of(table("days"), table("cities"))},
}
TABLES_ENDS: Ends = {
    job: {"COMPLETE": 1}
    for job in ("tables", "tables.raw", "tables.days", "tables.cities", "tables.report")
}
TABLES_PARENTS: Parents = {
    job: frozenset({"tables"})
    for job in ("tables.raw", "tables.days", "tables.cities", "tables.report")
}
#: raw drops the tables of an earlier day first. Its START, whose SQL is parsed without the
#: database, calls all that are dropped outputs; its COMPLETE names orders alone.
TABLES_DIFFERENTLY: Upstream = {
    table(name): {"tables.raw": NOTHING} for name in ("days", "cities", "report")
}

# --- dags/attempts.py ----------------------------------------------------------------------

#: broken fails, so it writes nothing; after_broken is never run, so nothing is said of it.
ATTEMPTS: Upstream = {
    file("source"): {"attempts.flaky": NOTHING},
    file("part-1"): {"attempts.part": _of(file("source"))},
    file("part-2"): {"attempts.part": _of(file("source"))},
    file("part-3"): {"attempts.part": _of(file("source"))},
    file("whole"): {"attempts.gather": _of(file("part-1"), file("part-2"), file("part-3"))},
}
ATTEMPTS_ENDS: Ends = {
    "attempts": {"FAIL": 1},
    "attempts.flaky": {"FAIL": 1, "COMPLETE": 1},
    "attempts.part": {"COMPLETE": 3},
    "attempts.gather": {"COMPLETE": 1},
    "attempts.broken": {"FAIL": 1},
    "attempts.skipped": {"COMPLETE": 1},
}
ATTEMPTS_PARENTS: Parents = {
    f"attempts.{task}": frozenset({"attempts"})
    for task in ("flaky", "part", "gather", "broken", "skipped")
}
#: A task that skips itself is COMPLETE like any other, and its outlets are its outputs.
ATTEMPTS_DIFFERENTLY: Upstream = {file("skipped"): {"attempts.skipped": NOTHING}}

# --- dags/killed.py ------------------------------------------------------------------------

#: dies ends without a word, and wrote nothing; Airflow sends no event in its place.
KILLED: Upstream = {file("cleared"): {"killed.clears": NOTHING}}
KILLED_ENDS: Ends = {
    "killed": {"COMPLETE": 1},
    "killed.dies": {UNKNOWN: 1},
    "killed.clears": {"COMPLETE": 1},
}
KILLED_PARENTS: Parents = {
    "killed.dies": frozenset({"killed"}),
    "killed.clears": frozenset({"killed"}),
}

# --- dags/outer.py -------------------------------------------------------------------------

OUTER_ENDS: Ends = {
    "outer": {"COMPLETE": 1},
    "outer.trigger": {"COMPLETE": 1},
    "outer.dbt": {"COMPLETE": 1},
}
OUTER_PARENTS: Parents = {
    "outer.trigger": frozenset({"outer"}),
    "outer.dbt": frozenset({"outer"}),
    "files": frozenset({"outer.trigger"}),
    "dbt-run-shop": frozenset({"outer.dbt"}),
}

# --- shop/ ---------------------------------------------------------------------------------

SEEDS: Mapping[str, frozenset[str]] = {
    "main_raw.customers": frozenset(),
    "main_raw.orders": frozenset(),
    "main_raw.payments": frozenset(),
}
MODELS: Mapping[str, frozenset[str]] = {
    "main.stg_customers": frozenset({"main_raw.customers"}),
    "main.stg_orders": frozenset({"main_raw.orders"}),
    "main.order_totals": frozenset({"main.stg_orders", "main_raw.payments"}),
    "main.city_totals": frozenset({"main.order_totals", "main.stg_customers"}),
    "main.day_totals": frozenset({"main.order_totals"}),
    "main.report": frozenset({"main.city_totals", "main.day_totals"}),
}
SNAPSHOTS: Mapping[str, frozenset[str]] = {
    "history.customers_history": frozenset({"main_raw.customers"}),
}
#: How each mode calls the job of a table, by what kind of table it is.
ARTIFACTS = {
    "model": "shop.{schema}.shop.{name}",
    "snapshot": "shop.{schema}.shop.{name}.snapshot",
}
STRUCTURED = {
    "seed": "seed.shop.{name}",
    "model": "model.shop.{name}",
    "snapshot": "snapshot.shop.{name}",
}


def _shop(jobs: Mapping[str, str], kind: str, made: Mapping[str, frozenset[str]]) -> Upstream:
    return {
        shop(one): {_job(jobs[kind], one): frozenset(map(shop, sources))}
        for one, sources in made.items()
    }


def _job(pattern: str, one: str) -> str:
    schema, _, name = one.partition(".")
    return pattern.format(schema=schema, name=name)


def _each(jobs: Mapping[str, str], kind: str, made: Mapping[str, object], times: int) -> Ends:
    return {_job(jobs[kind], one): {"COMPLETE": times} for one in made}


#: From artifacts a seed's own run is not told. What the models read of it is told by their
#: `columnLineage` alone, not by their inputs; and of a snapshot there is no such facet.
ARTIFACTS_DIFFERENTLY: Upstream = {
    shop("history.customers_history"): {"shop.history.shop.customers_history.snapshot": NOTHING}
}
#: In artifacts mode all tests of one model are one run; one that a SQL file holds is a run of
#: its own besides. A model that is skipped is not told of.
ARTIFACTS_ENDS: Ends = {
    "dbt-run-shop": {"COMPLETE": 5, "FAIL": 2},
    **_each(ARTIFACTS, "model", MODELS, 2),
    **_each(ARTIFACTS, "snapshot", SNAPSHOTS, 1),
    "shop.main.shop.broken": {"FAIL": 1},
    "shop.main.shop.stg_customers.test": {"COMPLETE": 1},
    "shop.main.shop.stg_orders.test": {"COMPLETE": 1},
    "shop.main.shop.order_totals.test": {"FAIL": 1},
    "test.shop.totals_are_small": {"FAIL": 1},
}
#: Tests that pass, by the end of their job's name: the table each would store its failures
#: in, had it been told to, and what it looks at.
TESTS: Mapping[str, tuple[str, frozenset[str]]] = {
    "unique_stg_customers_customer_id.c7614daada": (
        "unique_stg_customers_customer_id",
        frozenset({"main.stg_customers"}),
    ),
    "not_null_stg_customers_customer_id.e2cfb1f9aa": (
        "not_null_stg_customers_customer_id",
        frozenset({"main.stg_customers"}),
    ),
    "unique_stg_orders_order_id.e3b841c71a": (
        "unique_stg_orders_order_id",
        frozenset({"main.stg_orders"}),
    ),
    "not_null_stg_orders_order_id.81cfe2fe64": (
        "not_null_stg_orders_order_id",
        frozenset({"main.stg_orders"}),
    ),
    "accepted_values_stg_orders_status__paid.b20dd6e57c": (
        "accepted_values_stg_orders_status__paid",
        frozenset({"main.stg_orders"}),
    ),
    "relationships_stg_orders_customer_id__customer_id__ref_stg_customers_.430bf21500": (
        "relationships_stg_orders_96411fe0c89b49c3f4da955dfd358ba0",
        frozenset({"main.stg_orders", "main.stg_customers"}),
    ),
}
#: From its log every test is said to write that table, though it is there for none of them.
STRUCTURED_DIFFERENTLY: Upstream = {
    shop(f"main_dbt_test__audit.{audit}"): {f"test.shop.{test}": frozenset(map(shop, sources))}
    for test, (audit, sources) in TESTS.items()
}
STRUCTURED_ENDS: Ends = {
    "dbt-run-shop": {"COMPLETE": 5, "FAIL": 2},
    **_each(STRUCTURED, "seed", SEEDS, 1),
    **_each(STRUCTURED, "model", MODELS, 2),
    **_each(STRUCTURED, "snapshot", SNAPSHOTS, 1),
    **{f"test.shop.{test}": {"COMPLETE": 1} for test in TESTS},
    "model.shop.broken": {"FAIL": 1},
    "model.shop.after_broken": {"ABORT": 1},
    "test.shop.totals_are_small": {"FAIL": 1},
}


def _parents(ends: Ends) -> Parents:
    """Everything in a dbt stream is called by the wrapper."""
    return {job: frozenset({"dbt-run-shop"}) for job in ends if job != "dbt-run-shop"}


def _merged(*parts: Upstream) -> Upstream:
    """All of them; what a later one says of a job's output holds."""
    merged: dict[Name, dict[str, frozenset[Name]]] = {}
    for part in parts:
        for dataset, jobs in part.items():
            merged.setdefault(dataset, {}).update(jobs)
    return merged


# --- the streams ---------------------------------------------------------------------------

#: dbt as `outer` calls it: seed and run, without snapshots, tests and broken models.
CALLED_ENDS: Ends = {"dbt-run-shop": {"COMPLETE": 2}, **_each(ARTIFACTS, "model", MODELS, 1)}

EXPECTED: Mapping[str, Lineage] = {
    "airflow-test": Lineage(
        upstream=_merged(FILES, TABLES, TABLES_DIFFERENTLY, ATTEMPTS, ATTEMPTS_DIFFERENTLY),
        # The day of files is run twice, under the same run ids. `dags test` tells no START of a
        # DAG's own run: nothing says that its second COMPLETE is another run's.
        ends={
            **{job: {"COMPLETE": 2} for job in FILES_ENDS},
            "files": {"COMPLETE": 1},
            **TABLES_ENDS,
            **ATTEMPTS_ENDS,
        },
        parents={**FILES_PARENTS, **TABLES_PARENTS, **ATTEMPTS_PARENTS},
    ),
    "airflow": Lineage(
        upstream=_merged(
            FILES,
            TABLES,
            TABLES_DIFFERENTLY,
            ATTEMPTS,
            ATTEMPTS_DIFFERENTLY,
            KILLED,
            _shop(ARTIFACTS, "model", MODELS),
        ),
        ends={
            **FILES_ENDS,
            **TABLES_ENDS,
            **ATTEMPTS_ENDS,
            **KILLED_ENDS,
            **OUTER_ENDS,
            **CALLED_ENDS,
        },
        parents={
            **FILES_PARENTS,
            **TABLES_PARENTS,
            **ATTEMPTS_PARENTS,
            **KILLED_PARENTS,
            **_parents(CALLED_ENDS),
            **OUTER_PARENTS,
        },
    ),
    "dbt": Lineage(
        upstream=_merged(
            _shop(ARTIFACTS, "model", MODELS),
            _shop(ARTIFACTS, "snapshot", SNAPSHOTS),
            ARTIFACTS_DIFFERENTLY,
        ),
        ends=ARTIFACTS_ENDS,
        parents=_parents(ARTIFACTS_ENDS),
    ),
    "dbt-structured": Lineage(
        upstream=_merged(
            _shop(STRUCTURED, "seed", SEEDS),
            _shop(STRUCTURED, "model", MODELS),
            _shop(STRUCTURED, "snapshot", SNAPSHOTS),
            STRUCTURED_DIFFERENTLY,
        ),
        ends=STRUCTURED_ENDS,
        parents=_parents(STRUCTURED_ENDS),
    ),
}
