"""Monitors: accounts whose balance is watched, and the entries that cross a line."""
