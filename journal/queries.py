"""Reading the journal: entries by who moved, what kind, when, and what they refer to.

Whatever is asked for is combined with AND. What is most selective leads: an idempotency key, then references, then the
account's own history, then a short list of postings under a prefix; what is left is walked from the newest entry down.
Only then the page's entries are read whole, in as many queries as ever.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import answers
from accounts.rows import AccountFacts, account_key, look_up
from journal import history
from journal.errors import EntryNotFound
from ledger_project.kernel import ids
from ledger_project.log import documents
from ledger_project.log.queries import read

Position = list[Any]
GATHERED_ACCOUNTS = 10_000  # balance rows under a prefix, and
GATHERED_POSTINGS = 100_000  # their postings, which are gathered and sorted; more are met soon enough by walking


@dataclass(frozen=True)
class Entries:
    """A tenant's entries, newest first. `account` is an id or a name; the time is when they were recorded."""

    tenant: int
    account: str | None = None
    prefix: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    only: UUID | None = None  # the one account that may be seen: entries that moved it, without the balances of others

    def of_account(self, account: UUID) -> "Entries":
        return replace(self, only=account)

    def page(self, after: Position | None, limit: int) -> tuple[list[dict[str, Any]], Position | None]:
        found, end = self._find(after, limit)
        return show(self.tenant, found, only=self.only), end

    def _find(self, after: Position | None, limit: int) -> tuple[list[UUID], Position | None]:
        named: list[UUID | str] = [] if self.only is None else [self.only]
        if self.account is not None:
            named.append(account_key(self.account))
        known = look_up(self.tenant, named, read) if named else {}
        if any(key not in known for key in named):
            return [], None
        accounts = list({known[key].id: known[key] for key in named}.values())
        lead = self._lead(accounts)
        if lead == "account":
            where, parameters = _all(self._conditions(lead, accounts[1:]))
            times = {"since": self.since, "until": self.until}
            return history.page(accounts[0], where, parameters, **times, after=after, limit=limit)

        conditions = self._conditions(lead, accounts)
        if after:
            conditions.append(("entry.id < %s", UUID(after[0])))
        where, parameters = _all(conditions)
        if lead is None:
            bounds = [self.tenant, self._first, self.tenant, self._beyond(after)]
            rows = read(_WALKED.format(where=where), [*bounds, *parameters, limit + 1])
        elif lead == "kind":
            rows = read(_OF_KIND.format(where=where), [self.tenant, *parameters, limit + 1])
        else:
            led = _LED.format(few=_LEADS[lead], where=where)
            rows = read(led, [*self._lead_parameters(lead), self.tenant, *parameters, limit + 1])
        found = [row[0] for row in rows[:limit]]
        return found, [found[-1].hex] if len(rows) > limit else None

    def _lead(self, accounts: Sequence[AccountFacts]) -> str | None:
        """What the search goes by: the filter that leaves the fewest entries to look at, or none of them."""
        if self.idempotency_key is not None:
            return "idempotency_key"
        if self.references:
            return "references"
        if accounts:
            return "account"
        if self.prefix is not None:
            [[rows, postings]] = read(_SIZE_OF_PREFIX, [self.tenant, self.prefix, GATHERED_ACCOUNTS + 1])
            if rows <= GATHERED_ACCOUNTS and postings <= GATHERED_POSTINGS:
                return "prefix"
        return "kind" if self.kind not in (None, "transfer") else None

    @property
    def _first(self) -> UUID:
        return ids.first(self.since) if self.since is not None else ids.FIRST

    def _beyond(self, after: Position | None) -> UUID:
        return min(
            UUID(after[0]) if after else ids.LAST,
            ids.first(self.until) if self.until is not None else ids.LAST,
        )

    def _lead_parameters(self, lead: str) -> list[Any]:
        if lead == "references":
            return [json.dumps(dict(self.references))]
        return [self.tenant, self.prefix if lead == "prefix" else self.idempotency_key]

    def _conditions(self, lead: str | None, accounts: Sequence[AccountFacts]) -> list[tuple[str, Any]]:
        """What an entry must meet besides what leads to it; asked of one entry after the other, newest first."""
        conditions: list[tuple[str, Any]] = []
        if self.kind is not None:
            conditions.append(("entry.kind = %s", self.kind))
        if self.since is not None:
            conditions.append(("entry.id >= %s", ids.first(self.since)))
        if self.until is not None:
            conditions.append(("entry.id < %s", ids.first(self.until)))
        if self.references and lead != "references":
            conditions.append(('entry."references" @> %s::jsonb', json.dumps(dict(self.references))))
        conditions += [(_TOUCHES_ACCOUNT, account.id) for account in accounts]
        if self.prefix is not None and lead != "prefix":
            conditions.append((_TOUCHES_PREFIX, self.prefix))
        return conditions


def _all(conditions: Sequence[tuple[str, Any]]) -> tuple[str, list[Any]]:
    return " AND ".join(["true", *(sql for sql, _ in conditions)]), [value for _, value in conditions]


# Compared as rows, tenant and id have one order and one index to walk, entry_page. Asked for by `tenant_id =`,
# PostgreSQL takes the primary key for a tenant that has most of the rows, and steps over what others wrote since.
_WALKED = """
SELECT entry.id FROM journal_entry AS entry
 WHERE (entry.tenant_id, entry.id) >= (%s, %s) AND (entry.tenant_id, entry.id) < (%s, %s) AND {where}
 ORDER BY entry.tenant_id DESC, entry.id DESC LIMIT %s
"""
_OF_KIND = """
SELECT entry.id FROM journal_entry AS entry WHERE entry.tenant_id = %s AND {where} ORDER BY entry.id DESC LIMIT %s
"""
# OFFSET 0 and scalar subqueries fix the order of work, which the planner would else choose anew by what it believes of
# a tenant that it may never have analysed: first the few, sorted; then each in turn by its key, until the page is full.
_LED = """
SELECT entry.id
  FROM (SELECT id FROM ({few}) AS few ORDER BY id DESC OFFSET 0) AS few
 CROSS JOIN LATERAL (SELECT * FROM journal_entry AS entry WHERE entry.id = few.id OFFSET 0) AS entry
 WHERE entry.tenant_id = %s AND {where} ORDER BY entry.id DESC LIMIT %s
"""
_LEADS = {
    "idempotency_key": """
SELECT event.id FROM log_event AS event WHERE event.tenant_id = %s AND event.idempotency_key = %s
""",
    "references": """
SELECT entry.id FROM journal_entry AS entry WHERE entry."references" @> %s::jsonb AND NOT entry."references" = '{}'
""",
    "prefix": """
SELECT DISTINCT moved.id
  FROM accounts_account AS account
 CROSS JOIN LATERAL (
       SELECT posting.entry_id AS id FROM journal_posting AS posting WHERE posting.account_id = account.id OFFSET 0
       ) AS moved
 WHERE account.tenant_id = %s AND account.name ^@ %s
""",
}
_SIZE_OF_PREFIX = """
SELECT count(*), coalesce(sum(version), 0)
  FROM (SELECT balance.version FROM accounts_account AS account
          JOIN accounts_balance AS balance ON balance.account_id = account.id
         WHERE account.tenant_id = %s AND account.name ^@ %s LIMIT %s) AS few
"""
_TOUCHES_ACCOUNT = """
(SELECT true FROM journal_posting AS posting WHERE posting.entry_id = entry.id AND posting.account_id = %s LIMIT 1)
"""
_TOUCHES_PREFIX = """
(SELECT true FROM journal_posting AS posting
  WHERE posting.entry_id = entry.id
    AND (SELECT account.name ^@ %s FROM accounts_account AS account WHERE account.id = posting.account_id) LIMIT 1)
"""
_REVERSALS = "SELECT reverses_id, id FROM journal_entry WHERE reverses_id = ANY(%s::uuid[])"


def show(tenant: int, entries: Sequence[UUID], only: UUID | None = None) -> list[dict[str, Any]]:
    """Entries as the API shows them, in the order given, each with the id of the entry that reversed it.

    To who may see `only` one account, what others have is not shown.
    """
    if not entries:
        return []
    stored = documents.read(entries, read)
    accounts = {posting["account"] for document, _ in stored.values() for posting in document["entry"]["postings"]}
    facts = look_up(tenant, accounts, read)
    reversals = dict(read(_REVERSALS, [list(entries)]))
    shown = []
    for entry in entries:
        reversal = reversals.get(entry)
        reversed_by = ids.show("ent", reversal) if reversal else None
        document = stored[entry][0] if only is None else documents.seen_by(stored[entry][0], ids.show("acc", only))
        shown.append(answers.entry(document, facts) | {"reversed_by": reversed_by})
    return shown


def entry(tenant: int, ref: str, only: UUID | None = None) -> dict[str, Any]:
    """One entry by its public id. Refuses: EntryNotFound."""
    key = ids.read("ent", ref)
    if key is None or not read("SELECT FROM journal_entry WHERE tenant_id = %s AND id = %s", [tenant, key]):
        raise EntryNotFound(entry=ref[:300])
    return show(tenant, [key], only)[0]
