"""`begat serve`: the lineage store over HTTP.

| module | what it does |
|---|---|
| `serving` | bind, refuse what is unsafe, run until told to stop |
| `app` | puts the routes together |
| `ingest`, `api`, `health`, `page` | the routes |
| `body` | what a request carries, within bounds |
| `access`, `guard` | tokens, and who may ask for what |
| `problems` | errors as answers |
| `metrics` | counts and times, for Prometheus |
| `stores` | connections to the store |

`access` knows no HTTP: `begat token` uses it too.
"""
