"""The commands about usage, in modules by what they are for."""

from ledger_project.usage.commands import authorizing, correcting, prices, recording

__all__ = ["authorizing", "correcting", "prices", "recording"]
