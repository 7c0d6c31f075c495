"""`make bench` runs these; `make test` neither collects nor imports them.

Peers' definitions import libraries that only their own environments have.
"""

collect_ignore_glob = ["*"]
