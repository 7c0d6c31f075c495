"""tables: a diamond of SQL statements, whose datasets the producer parses out of the SQL."""

from __future__ import annotations

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG

with DAG("tables", schedule=None, catchup=False):

    def statement(task_id: str, *sql: str) -> SQLExecuteQueryOperator:
        """A task that runs these statements in the shop's database."""
        return SQLExecuteQueryOperator(task_id=task_id, conn_id="shop", sql=list(sql))

    raw = statement(
        "raw",
        "DROP TABLE IF EXISTS report, days, cities, orders",
        "CREATE TABLE orders (day integer, city text, cents integer)",
        "INSERT INTO orders VALUES (1, 'Oslo', 100), (1, 'Bergen', 250), (2, 'Oslo', 50)",
    )
    days = statement(
        "days", "CREATE TABLE days AS SELECT day, sum(cents) AS cents FROM orders GROUP BY day"
    )
    cities = statement(
        "cities",
        "CREATE TABLE cities (city text, cents integer)",
        "INSERT INTO cities SELECT city, sum(cents) AS cents FROM orders GROUP BY city",
    )
    report = statement(
        "report",
        """
        CREATE TABLE report AS
        SELECT 'day' AS kind, CAST(d.day AS text) AS what, d.cents FROM days AS d
        UNION ALL
        SELECT 'city' AS kind, c.city AS what, c.cents FROM cities AS c
        """,
    )
    raw >> [days, cities] >> report
