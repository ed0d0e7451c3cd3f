"""What the journal adds to the page of an account in the back office: what moves its money, and its history."""

from typing import Any

from django.http import HttpRequest

from accounts.models import Account
from accounts.rows import DEBIT_NORMAL
from journal.forms import SupplyForm, TransferForm
from journal.models import PostingLine
from journal.tables import entry_link, entry_preview, sides
from ledger_project.kernel import ids
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.html import Column, Section, Table
from ledger_project.web.backoffice.operations import Operation

SHOWN = 50  # postings

OPERATIONS = [
    Operation(
        command="mint",
        label="Mint",
        done="minted",
        warning="Issues new money into this account, against the currency's issuance account.",
        subject="account",
        form=SupplyForm,
        preview=entry_preview,
    ),
    Operation(
        command="burn",
        label="Burn",
        done="burned",
        warning="Takes money of this account out of circulation.",
        subject="account",
        form=SupplyForm,
        preview=entry_preview,
        danger=True,
    ),
    Operation(
        command="transfer",
        label="Transfer",
        done="transferred",
        warning="Moves money from this account to another of its currency.",
        subject="from_account",
        form=TransferForm,
        preview=entry_preview,
    ),
]

_HISTORY = f"""
SELECT line.*, (SELECT sum(available + held + escrowed + bonded + fee_pool + promo - credit_used)
                  FROM accounts_balance WHERE account_id = %s) AS posted_now
  FROM generate_series(0, %s - 1) AS each (stripe)
 CROSS JOIN LATERAL (SELECT * FROM journal_posting_line
                      WHERE account_id = %s AND stripe = each.stripe ORDER BY version DESC LIMIT {SHOWN}) AS line
 ORDER BY CASE WHEN %s THEN line.version END DESC, line.entry_id DESC, line.seq DESC LIMIT {SHOWN}
"""


def history(request: HttpRequest, account: Account) -> list[Section]:
    """The newest postings, each with the balance of all buckets after it: told back from the balance now.

    One statement reads both, so they are of one moment. Each stripe's newest are found by the index, then merged.
    """
    if not request.user.has_perm("journal.view_postingline"):
        return []
    facts = [account.pk, account.stripes, account.pk, account.stripes == 1]
    lines: list[Any] = list(PostingLine.objects.raw(_HISTORY, facts))
    sign = 1 if account.type in DEBIT_NORMAL else -1
    running = lines[0].posted_now if lines else 0
    rows = []
    for line in lines:
        debit, credit = sides(line.amount, account.scale)
        effective = html.moment(line.effective_at)
        after = html.amount(running, account.scale)
        rows.append([effective, entry_link(line.entry_id), line.kind, line.bucket, debit, credit, after])
        running -= line.amount * sign
    columns = [Column("effective"), Column("entry"), Column("kind"), Column("bucket")]
    columns += [Column(name, figures=True) for name in ("debit", "credit", "balance")]
    everything = f"{html.list_url('journal.postingline')}?account={ids.show('acc', account.pk)}"
    return [Table("History", columns, rows, empty="No money has moved yet.", more=("All postings", everything))]
