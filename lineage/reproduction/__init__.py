"""A model version made again from what is recorded of it, and compared with what it was.

| module | what it does |
|---|---|
| `plan` | which runs have to be done again, in which order, with which inputs |
| `sources` | their first-party code in a folder: as it was kept, or the commit |
| `inputs` | whether the bytes that they read are there and are what they were |
| `environment` | packages, Python, platform, image and cores: recorded beside present |
| `rebuild` | an environment of the recorded packages, made with uv |
| `worker` | does the runs again, in a process of its own |
| `compare`, `spread` | metrics beside metrics; what another seed makes of them |
| `record` | the one run that tells of it |

Nothing that is made again goes to the store or the artifact store. What is recorded is one
run, tagged `begat_reproduction`, which read the version and wrote nothing: so it answers no
recipe, registers nothing, and no dataset gets another current version by it.
"""
