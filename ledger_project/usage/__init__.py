"""Usage: price books, and what was used, priced to the last fraction of a minor unit."""
