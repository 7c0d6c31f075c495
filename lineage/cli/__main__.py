"""`python -m begat.lineage.cli` is `begat`."""

from . import main

main()
