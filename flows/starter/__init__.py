"""What `begat init` writes: a pipeline for its reader to change."""
