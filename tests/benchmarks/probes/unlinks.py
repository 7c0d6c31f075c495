"""Unlink all files of an artifact store that are not on a list: the floor of a collection.

    python unlinks.py FILE

FILE has the store's folder, then the names that stay, a line each.
"""

from __future__ import annotations

import os
import sys

with open(sys.argv[1], encoding="ascii") as file:
    folder, *names = file.read().split()
kept = set(names)
for first in os.scandir(folder):
    if first.is_dir():
        for entry in os.scandir(first.path):
            if entry.stat(follow_symlinks=False).st_size and first.name + entry.name not in kept:
                os.unlink(entry.path)
