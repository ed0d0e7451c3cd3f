"""Payouts: taking pending withdrawals to the executor, and its answers to the ledger.

Four steps, and a worker may be killed between any two: take one on (a lease, in a short transaction), ask the
executor, note its answer, confirm or fail the withdrawal. Before the answer is noted the next worker asks again under
the same id once the lease is over; after it the next worker only confirms or fails. So nothing is lost and, as the
executor keeps its promise, nothing is paid twice.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from uuid import UUID

from django.db import connection, transaction

from holds.executors import Answer, NotPaid, Paid, Payment, Unknown, WithdrawalExecutor
from holds.expiry import database_now
from holds.system import run_all
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.documents import load_json
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, look

LEASE = timedelta(seconds=120)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
RACES = 10  # lost to other workers in a row, before one leaves the rest to them
ACTOR = "system:payouts"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A withdrawal that this worker has taken on, with the answer that is noted already, if one is."""

    id: UUID
    tenant: int
    attempts: int
    payment: Payment
    noted: Answer | None

    def __str__(self) -> str:
        return self.payment.withdrawal


def pay_pending(executor: WithdrawalExecutor, *, limit: int = 100) -> Counter[str]:
    """Take on at most `limit` withdrawals, one after the other; how many ended how."""

    def pay(task: Task) -> str:
        answer = task.noted or executor.pay(task.payment)
        if task.noted is None:
            note(task, answer)
        return carry_out(task, answer)

    tasks = iter(take_on, None)
    return Counter(for_each("pay_withdrawals", islice(tasks, limit if executor.automatic else 0), pay))


def take_on() -> Task | None:
    """Lease the oldest pending withdrawal that is nobody's now.

    The withdrawal's row is locked meanwhile, as `fail_withdrawal` locks it: either that comes first and there is
    nothing to pay, or it finds the lease. A frozen account's withdrawal waits, because it could not be confirmed.
    """
    for _ in range(RACES):
        now = database_now()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEXT, (now, now))
            found = cursor.fetchone()
            if found is None:
                return None
            id, tenant, account, amount, currency, scale, destination, references = found
            # Judged again under the lock: another worker may have leased and let go since the row was chosen.
            cursor.execute(_LEASE, (id, tenant, now + LEASE, now, now, now))
            leased = cursor.fetchone()
        if leased is not None:
            attempts, answer, external_ref, error = leased
            noted = _noted(answer, external_ref, error)
            name, units = ids.show("hld", id), str(int(amount))
            payment = Payment(name, account, units, currency, scale, destination, load_json(references))
            return Task(id, tenant, attempts, payment, noted)
    return None


def _noted(word: str, external_ref: str, error: str) -> Answer | None:
    if word == "paid":
        return Paid(external_ref)
    return NotPaid(error) if word == "failed" else None


def note(task: Task, answer: Answer) -> None:
    """Keep the executor's answer. The lease of one that ends the withdrawal lasts until it is carried out."""
    if isinstance(answer, Paid):
        _write_down(task, "paid", answer.external_ref, "", leased=True)
    elif isinstance(answer, NotPaid):
        _write_down(task, "failed", "", answer.reason, leased=True)
    else:
        _write_down(task, "", "", answer.reason, leased=False)


def carry_out(task: Task, answer: Answer) -> str:
    """Confirm or fail the withdrawal; what came of it, in a word."""
    if isinstance(answer, Unknown):
        return "unknown"
    name = task.payment.withdrawal
    if isinstance(answer, Paid):
        command, keyed = "confirm_withdrawal", (f"confirm:{name}", {"external_ref": answer.external_ref})
    else:
        command, keyed = "fail_withdrawal", (f"fail:{name}", {"reason": _printable(answer.reason) or "no reason given"})
    key, arguments = keyed
    try:
        [result] = run_all(task.tenant, ACTOR, command, [(key, {"withdrawal": name, **arguments})])
    except Refusal as malformed:  # the executor's reference is no text that the ledger takes
        result = malformed
    if isinstance(result, Done):
        return "paid" if isinstance(answer, Paid) else "failed"
    log.warning("%s was %s, and the ledger says: %s", name, type(answer).__name__, result)
    word, external_ref = ("paid", answer.external_ref) if isinstance(answer, Paid) else ("failed", "")
    _write_down(task, word, external_ref, str(result), leased=False)
    return getattr(result, "code", type(result).__name__)


def _write_down(task: Task, word: str, external_ref: str, error: str, *, leased: bool) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(task.attempts - 1, 20), LONGEST_PAUSE)
    look(_NOTE, (word, _printable(external_ref), _printable(error), leased, database_now() + pause, task.id))


def _printable(text: str) -> str:
    """Somebody else's words, in a form that the ledger keeps: a line of at most 1,000 characters."""
    return "".join(character if character.isprintable() else " " for character in text)[:1000]


_NEXT = """
SELECT hold.id, hold.tenant_id, account.name, hold.amount, account.currency, account.scale, hold.destination,
       hold."references"
  FROM holds_hold AS hold
  JOIN accounts_account AS account ON account.id = hold.account_id
  JOIN accounts_balance AS holder ON holder.account_id = hold.account_id AND holder.stripe = hold.stripe
  LEFT JOIN holds_payout AS payout ON payout.withdrawal_id = hold.id
 WHERE hold.kind = 'withdrawal' AND hold.status = 'pending' AND holder.status = 'open'
   AND (payout.withdrawal_id IS NULL
        OR (payout.next_try_at <= %s AND (payout.leased_until IS NULL OR payout.leased_until <= %s)))
 ORDER BY hold.id LIMIT 1
   FOR NO KEY UPDATE OF hold SKIP LOCKED
"""
_LEASE = """
INSERT INTO holds_payout AS payout
       (withdrawal_id, tenant_id, attempts, leased_until, next_try_at, answer, external_ref, last_error)
VALUES (%s, %s, 1, %s, %s, '', '', '')
    ON CONFLICT (withdrawal_id) DO UPDATE
   SET attempts = payout.attempts + 1, leased_until = EXCLUDED.leased_until
 WHERE payout.next_try_at <= %s AND (payout.leased_until IS NULL OR payout.leased_until <= %s)
RETURNING attempts, answer, external_ref, last_error
"""
_NOTE = """
UPDATE holds_payout SET answer = %s, external_ref = %s, last_error = %s,
       leased_until = CASE WHEN %s THEN leased_until END, next_try_at = %s
 WHERE withdrawal_id = %s RETURNING attempts
"""
