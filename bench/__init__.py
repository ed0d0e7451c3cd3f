"""Side-by-side benchmarks: every case against a peer or a limit, in turns, in one run; ratios of medians."""
