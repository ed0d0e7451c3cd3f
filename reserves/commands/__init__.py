"""The commands about reserves, declared by being imported."""

from reserves.commands import assets, attestations

__all__ = ["assets", "attestations"]
