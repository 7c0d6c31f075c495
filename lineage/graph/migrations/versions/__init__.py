"""One module a revision, the number first."""
