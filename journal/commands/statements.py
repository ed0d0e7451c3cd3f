"""Statements: the links of an account's chain."""

from datetime import timedelta

from accounts.books import AccountBooks
from accounts.errors import AccountNotFound
from accounts.fields import AccountRef
from journal.errors import PeriodNotOver, StatementExists, StatementMismatch, StatementOutOfChain
from journal.fields import LogPlace, Sha256, Sum
from journal.statements.documents import foot_of, head_of, posted_of
from journal.statements.rows import ChainRow, Issued
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import Moment
from ledger_project.log.command import command

SETTLED = timedelta(minutes=10)  # until what was recorded before a moment is committed and sealed, at the latest


@command(
    event="statement.issued",
    refuses=(AccountNotFound, PeriodNotOver, StatementExists, StatementOutOfChain, StatementMismatch),
    also_wants=lambda call: [("statement", (call["account"], call["until"])), ("whole_account", call["account"])],
)
def issue_statement(
    books: AccountBooks,
    *,
    account: AccountRef,
    since: Moment,
    until: Moment,
    total_in: Sum,
    total_out: Sum,
    lines_hash: Sha256,
    log_from: LogPlace,
    log_to: LogPlace,
    log_root: Sha256 | None = None,
) -> None:
    """State what an account had, got, gave and has, from the end of its last statement on; beat does, every month.

    The balances and the number of lines are the ledger's own, and the totals must lie between them. What the lines are
    is said by their hash, which is that of `GET /v1/accounts/{account}/statement`.
    """
    facts = books.account(account).facts
    chain = books.find(ChainRow, facts.id)
    if chain is None:
        raise AccountNotFound(account=account)
    if until + SETTLED > books.now:
        raise PeriodNotOver(until=clock.stamp(until))
    if chain.until is not None and since < chain.until:
        raise StatementExists(account=facts.name, until=clock.stamp(chain.until))
    if since >= until or since > (chain.until or facts.created_at):
        raise StatementOutOfChain(account=facts.name, since=clock.stamp(chain.until or facts.created_at))
    closing, version = chain.had[until]
    if posted_of(closing) - posted_of(chain.closing) != total_in - total_out:
        raise StatementMismatch(account=facts.name)
    root = bytes.fromhex(log_root) if log_root else None
    head = head_of(facts, since, until, chain.closing)
    lines = version - chain.version
    foot = foot_of(head, closing, (total_in, total_out), lines, bytes.fromhex(lines_hash), (log_from, log_to), root)
    chain.issue(
        Issued(
            id=books.event_id,
            since=since,
            until=until,
            opening=chain.closing,
            closing=closing,
            version=version,
            total_in=total_in,
            total_out=total_out,
            lines=lines,
            log=(log_from, log_to),
            root=root,
            lines_hash=bytes.fromhex(lines_hash),
            hash=bytes.fromhex(foot["hash"]),
        )
    )
    for row in books.stripes(account):
        # Whatever is posted from now on comes after this, so nothing falls into a month that is over: see `come_after`.
        row.changed = row.status != "closed"
    books.result["statement"] = {"id": ids.show("stm", books.event_id), **head, **foot}
