"""What a program that uses the ledger needs; nothing of the ledger itself.

`ledger_client.verify` checks receipts, logs and checkpoints offline, and works as a file on its own.
"""

__version__ = "0.1.0"
