"""Data arrives: what is told of objects, recorded once, and batched for whoever waits for it.

| module | what it has |
|---|---|
| `notice`, `messages` | what a message says of an object, whoever sends it |
| `watched` | which objects belong to which dataset |
| `sources` | the seam where messages come from, and one for tests |
| `sqs`, `folder`, `listing` | queues, local folders, buckets |
| `ledger` | arrivals in the store, each once |
| `batches` | new content that came together, its event, who was told |
| `watcher` | what `begat watch` does, without an orchestrator |
"""
