"""Lifting the fence: an operator says that this copy goes on, and that its original does not."""

from uuid import uuid4

from django.conf import settings
from django.db import transaction

from ledger_project.log import comparison, fence, findings, sealer, sealing
from ledger_project.log.fence import Kept
from ledger_project.log.sealer import SEALER
from ledger_project.log.sinks import AnchorFailed, sinks


class StaysFenced(Exception):
    """The fence cannot be lifted, for this reason."""


def unfence(why: str, by: str) -> str:
    """Make this copy an instance of its own, which may sign and send from now on; its id.

    Raises NoSealer, LogAltered, StaysFenced; all leave the fence as it was. Where an anchor contradicts the log, or did
    under this name, the log needs a new name first: two histories under one are what the fence is there to prevent.
    """
    sealer.require()
    _require_uncontradicted()
    with transaction.atomic(SEALER):
        if not sealing.take_turn():
            raise StaysFenced("another sealer is at work; try again")
        if fence.reason(sealer.look) is None:
            raise StaysFenced("this copy is not fenced")
        instance = settings.INSTANCE or uuid4().hex
        if sealer.look("SELECT FROM log_instance WHERE instance = %s", (instance,)):
            raise StaysFenced("give LEDGER_INSTANCE a value that this ledger never had")
        head = sealing.newest(SEALER)
        # The file first: a run that ends between the two leaves two ids, and so the fence.
        fence.write(Kept(instance, head.size if head else 0))
        fence.record(instance, why, by)
        findings.lift()
    return instance


def _require_uncontradicted() -> None:
    """Raises LogAltered or StaysFenced where an anchor speaks against the log, or cannot be asked."""
    if found := findings.contradicted():
        raise StaysFenced(
            f"{found.kind}: {found.detail}. Give the log a new name (LEDGER_LOG_ORIGIN) and tell those who hold"
            " checkpoints of the old one"
        )
    for sink in sinks():
        try:
            with findings.noted():
                comparison.compare(sink)
        except AnchorFailed as failure:
            raise StaysFenced(
                f"the anchor {sink.name} cannot be compared: {failure}. Take it out of LEDGER_ANCHORS if it is lost"
            ) from failure
