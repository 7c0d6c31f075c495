"""What real producers say: Airflow and dbt run here, and their events are kept as they came.

`PYTHONPATH=tests python -m producers all` installs each producer into an environment of its
own, runs what is in `dags/` and `shop/` with it, and writes one NDJSON file a run;
`PYTHONPATH=tests python -m producers check FOLDER` compares what begat makes of those files
with `expected.py`, which was written from the DAGs and the models, not from the events.
"""
