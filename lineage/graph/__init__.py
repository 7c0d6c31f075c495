"""The graph of lineage: events stored once, and what they say about what stands on what.

| module | what it does |
|---|---|
| `store` | `Store`: record events, answer recipes, rebuild |
| `closure` | `ancestors`, `descendants` |
| `queries`, `pedigree` | what commands show |
| `resolve` | what a reference names |
| `tables`, `migrations`, `sql` | the schema, its history, and the SQL made from it |
"""
