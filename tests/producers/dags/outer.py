"""outer: a DAG that triggers another, waits for it, and then calls dbt as its child."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

with DAG("outer", schedule=None, catchup=False):
    trigger = TriggerDagRunOperator(
        task_id="trigger", trigger_dag_id="files", wait_for_completion=True, poke_interval=1
    )
    dbt = BashOperator(
        task_id="dbt",
        bash_command=(
            'cd "$SHOP" && PATH="$DBT_BIN:$PATH" && dbt-ol seed && dbt-ol run --exclude tag:broken'
        ),
        append_env=True,
        env={
            "OPENLINEAGE_PARENT_ID": (
                "{{ macros.OpenLineageProviderPlugin.lineage_parent_id(task_instance) }}"
            ),
            "OPENLINEAGE_ROOT_PARENT_ID": (
                "{{ macros.OpenLineageProviderPlugin.lineage_root_parent_id(task_instance) }}"
            ),
        },
    )
    trigger >> dbt
