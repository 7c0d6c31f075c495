"""What begat costs, side by side with its peers: `make bench`, results in docs/benchmarks.md."""
