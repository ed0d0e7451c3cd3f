"""Replacing the key that signs the log.

The old key and the new one sign the head of the log together, once: who trusts the old one sees that it has named its
successor. From then on the old one signs nothing, and stays published with its dates, so everything it signed verifies.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from ledger_project.kernel import clock, notes
from ledger_project.log import fence, sealer, sealing, signing
from ledger_project.log.models import SigningKey
from ledger_project.log.sealer import SEALER
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.unit import LEAST


class SealerBusy(Exception):
    """Another sealer is at work; try again."""


def rotate(new: Ed25519PrivateKey, *, old_is_lost: bool = False) -> None:
    """Let `new` sign the log from now on. Raises NoSealer, NoSigningKey, LogAltered,
    SealerBusy; all leave everything as it was.

    Where the old key is lost, nothing but the public record says that the new one follows it.
    """
    successor = signing.named(new)
    sealer.require()
    with transaction.atomic(SEALER):
        if not sealing.take_turn():
            raise SealerBusy("another sealer is at work; try again")
        fence.require_open(sealer.look)
        signers = [successor]
        if not old_is_lost:
            old = signing.signer()
            signing.take_into_use(old)
            signers.insert(0, old)
        if SigningKey.objects.using(SEALER).filter(kid=signing.kid_of(successor)).exists():
            raise NoSigningKey("this key has signed the log before; take a fresh one")
        head = sealing.newest(SEALER)
        # The keys follow each other in time, whatever the clock says.
        moment = max([clock.now(), *(key.created_at + LEAST for key in SigningKey.objects.using(SEALER))])
        if head is not None:
            growing = sealing.grow_from(head, signing.public_keys(SEALER))
            checkpoint = notes.Checkpoint(successor.name, growing.size, growing.root())
            note = notes.sign_checkpoint(checkpoint, signers, time=int(moment.timestamp()))
            sealing.store_checkpoint(growing.size, growing.root(), note, head.snapshot)
        # Later than the time which the old key has just stated.
        SigningKey.objects.using(SEALER).filter(retired_at__isnull=True).update(retired_at=moment + LEAST)
        signing.begin_use(successor, moment)
