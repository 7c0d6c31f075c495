"""`python -m producers` runs these; `make test` neither collects nor imports them.

The DAGs import libraries that only Airflow's own environment has.
"""

collect_ignore_glob = ["*"]
