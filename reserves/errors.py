"""Refusals about reserves and attestations."""

from ledger_project.kernel.errors import NotFound, Refusal


class ReserveAssetNotFound(NotFound):
    """There is no such reserve asset; register it first."""


class ReserveAssetExists(Refusal):
    """A reserve asset with this name exists already."""

    status = 409
    constraint = "reserve_asset_exists"


class PriceRequired(Refusal):
    """The unit is not the currency that is backed, so a snapshot has a price: a unit in minor units of the currency."""


class PriceNotExpected(Refusal):
    """The asset is held in the currency that it backs, so a snapshot of it has no price."""


class SourceIncomplete(Refusal):
    """Where an asset is read from is not said in full: `reason` says what its kind asks for."""


class TakenInFuture(Refusal):
    """A snapshot says what was there, so it is not taken later than it is recorded."""

    constraint = "taken_in_future"


class AttestationNotFound(NotFound):
    """There is no such attestation."""


class AttestationOutdated(Refusal):
    """Another attestation of this currency was issued since this one was made; make it anew."""

    status = 409
    constraint = "attestation_outdated"


class CannotAttest(Refusal):
    """Nothing is attested now; `reason` says what stands against it."""

    status = 409


class AccountNotCounted(NotFound):
    """The attestation counts nothing that is owed to this account."""
