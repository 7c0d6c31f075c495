"""What a run ran with: commit, sources, packages, image, hardware, seeds.

One module each, with a `capture` that returns a frozen value; `value.to_facet()` is what
events say of it.
"""
