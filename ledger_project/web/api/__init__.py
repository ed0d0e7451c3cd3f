"""The HTTP API: commands and lists on the wire, who calls them, and what callers are told."""
