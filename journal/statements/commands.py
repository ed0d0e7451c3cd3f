"""Statements: the links of an account's chain."""

from datetime import timedelta

from accounts.books import AccountBooks
from accounts.errors import AccountNotFound
from accounts.fields import AccountRef
from journal.errors import (
    PeriodNotOver,
    StatementExists,
    StatementMismatch,
    StatementNotSealed,
    StatementOutOfChain,
)
from journal.statements.documents import foot_of, head_of, posted_of
from journal.statements.rows import ChainRow, Issued
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import Moment
from ledger_project.log.command import command

SETTLED = timedelta(minutes=10)  # until what was recorded before a moment is committed and sealed, at the latest


@command(
    event="statement.issued",
    refuses=(
        AccountNotFound,
        PeriodNotOver,
        StatementExists,
        StatementOutOfChain,
        StatementNotSealed,
        StatementMismatch,
    ),
    also_wants=lambda call: [
        ("statement", (call["account"], call["since"], call["until"])),
        ("whole_account", call["account"]),
    ],
    internal=True,
)
def issue_statement(books: AccountBooks, *, account: AccountRef, since: Moment, until: Moment) -> None:
    """State what an account had, got, gave and has, from the end of its last statement on; beat does, every month.

    All of it is read by the ledger itself, and what the lines are is said by their hash, which is that of
    `GET /v1/accounts/{account}/statement`.
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
    read = chain.read[since, until]
    if not read.sealed:
        raise StatementNotSealed(account=facts.name, until=clock.stamp(until))
    if posted_of(read.closing) - posted_of(chain.closing) != read.total_in - read.total_out:
        raise StatementMismatch(account=facts.name)
    head = head_of(facts, since, until, chain.closing)
    lines, totals = read.version - chain.version, (read.total_in, read.total_out)
    foot = foot_of(head, read.closing, totals, lines, read.lines_hash, read.log, read.root)
    chain.issue(
        Issued(
            id=books.event_id,
            since=since,
            until=until,
            opening=chain.closing,
            closing=read.closing,
            version=read.version,
            total_in=read.total_in,
            total_out=read.total_out,
            lines=lines,
            log=read.log,
            root=read.root,
            lines_hash=read.lines_hash,
            hash=bytes.fromhex(foot["hash"]),
        )
    )
    for row in books.stripes(account):
        # Whatever is posted from now on comes after this, so nothing falls into a month that is over: see `come_after`.
        row.changed = row.status != "closed"
    books.result["statement"] = {"id": ids.show("stm", books.event_id), **head, **foot}
