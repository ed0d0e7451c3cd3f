"""External statements, what was matched in them, and adjustments: what their events say."""

from journal.external.models import ExternalAdjustment, ExternalMatch, ExternalStatement, MatchedEntry, MatchedLine
from ledger_project.log.checks import Check, Scope, compare
from ledger_project.log.rebuilt import Column, Told, Watched, each, events, last, rebuild, ref, said

STATEMENTS = Check("external_statements_equal_log", "every statement of others, and its file, is as it was uploaded")
rebuild(
    STATEMENTS,
    ExternalStatement,
    each("external_statement.uploaded", noun="external_statement"),
    prefix="xst",
    columns={
        "id": "told.id",
        "account_id": ref("account"),
        **said("name", "format", "sha256", "lines", "first_date", "last_date", "money_in", "money_out", "uploaded_at"),
        "opening": "state ->> 'opening_balance'",
        "closing": "state ->> 'closing_balance'",
        "content": Column("state ->> 'sha256'", stored="encode(sha256(convert_to(stored.content, 'UTF8')), 'hex')"),
    },
)

# The log has no line of a statement. It has their hash (`lines_hash` in statement.py), and of statements from before
# that was kept their number, days and sums.
LINES = compare(
    "external_lines_equal_log",
    "the lines of every statement of others are those that were read from its file",
    lambda scope: (
        f"""
    WITH told AS (
        SELECT id, tenant_id, result -> 'external_statement' AS state, result -> 'kept' ->> 'lines_hash' AS hash
          FROM {events(Scope(scope.tenant), "external_statement.uploaded")} AS event
    ), stored AS (
        SELECT statement_id AS id, min(line.tenant_id) AS tenant_id,
               count(*) || ' lines, ' || min(date) || ' to ' || max(date) || ', '
               || coalesce(sum(amount) FILTER (WHERE amount > 0), 0) || ' in, '
               || coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) || ' out'
               || CASE WHEN min(line.tenant_id) <> max(line.tenant_id) THEN ', of two tenants' ELSE '' END AS sums,
               encode(sha256(convert_to(string_agg(concat_ws(' ', number, date, amount, length(reference), reference,
                                                             length(description), description, ''), E'\\n'
                                                   ORDER BY number), 'UTF8')), 'hex') AS hash
          FROM journal_externalline AS line
         WHERE {scope.of("line.tenant_id")} GROUP BY statement_id
    ), both_sides AS (
        SELECT coalesce(told.tenant_id, stored.tenant_id) AS tenant_id, id, stored.sums, stored.hash AS stored_hash,
               told.hash AS told_hash, told.tenant_id <> stored.tenant_id AS strange,
               (state ->> 'lines') || ' lines, ' || (state ->> 'first_date') || ' to ' || (state ->> 'last_date')
               || ', ' || (state ->> 'money_in') || ' in, ' || (state ->> 'money_out') || ' out' AS told_sums
          FROM stored FULL JOIN told USING (id)
    )
    SELECT tenant_id, 'journal_externalline xst_' || replace(id::text, '-', '') || '/*',
           coalesce(sums, 'nothing') || coalesce(', ' || stored_hash, ''),
           coalesce(told_sums, 'nothing') || coalesce(', ' || told_hash, '')
      FROM both_sides
     WHERE sums IS DISTINCT FROM told_sums OR strange OR (told_hash IS NOT NULL AND told_hash <> stored_hash)
     ORDER BY 1, 2
    """
    ),
)
Watched(
    table="journal_externalline",
    held=dict.fromkeys(
        ("statement_id", "number", "tenant_id", "date", "amount", "reference", "description"), LINES.name
    ),
)

_FOUND = "'reference', 'amount', 'group'"  # how a search finds matches, which its event has only the digest of


def _matches(scope: Scope) -> str:
    """Every match with its lines and entries: those that persons made, adjustments, and what searches found.

    Of a search's matches the log has the digest, which FOUND compares, so they stand here for themselves; whether they
    were undone is told of one by one.
    """
    return f"""
        SELECT base.*, undone.at AS undone_at
          FROM (SELECT tenant_id, id, substr(state ->> 'external_statement', 5)::uuid AS statement_id,
                       state ->> 'kind' AS kind, state ->> 'how' AS how, state ->> 'reason' AS reason,
                       (state ->> 'difference')::numeric AS difference,
                       coalesce(payload ->> 'tolerance', '0')::numeric AS tolerance, recorded_at AS created_at,
                       ARRAY(SELECT json_array_elements_text(state -> 'lines')::int) AS lines,
                       ARRAY(SELECT substr(json_array_elements_text(state -> 'entries'), 5)::uuid) AS entries
                  FROM (SELECT *, result -> 'external_match' AS state
                          FROM {events(scope, "external_match.made", "external_items.resolved")} AS event) AS made
                 UNION ALL
                SELECT tenant_id, id, substr(state ->> 'external_statement', 5)::uuid, 'adjusted', 'adjustment',
                       state ->> 'reason', 0, 0, recorded_at, array_remove(ARRAY[(state ->> 'line')::int], NULL),
                       array_remove(ARRAY[substr(state ->> 'entry', 5)::uuid,
                                          substr(state ->> 'posted', 5)::uuid], NULL)
                  FROM (SELECT *, result -> 'adjustment' AS state
                          FROM {events(scope, "adjustment.posted")} AS event) AS adjusted
                 UNION ALL
                SELECT tenant_id, id, statement_id, kind, how, reason, difference, tolerance, created_at,
                       ARRAY(SELECT number FROM journal_matchedline WHERE match_id = match.id),
                       ARRAY(SELECT entry_id FROM journal_matchedentry WHERE match_id = match.id)
                  FROM journal_externalmatch AS match WHERE how IN ({_FOUND}) AND {scope.of("tenant_id")}) AS base
          LEFT JOIN (SELECT substr(result -> 'external_match' ->> 'id', 5)::uuid AS id, recorded_at AS at
                       FROM {events(scope, "external_match.undone")} AS event) AS undone USING (id)"""


MATCHES = Check("external_matches_equal_log", "what was matched, explained and undone is what events say")
rebuild(
    MATCHES,
    ExternalMatch,
    Told(_matches),
    prefix="xmt",
    columns={
        name: f"told.{name}"
        for name in (
            *("id", "statement_id", "kind", "how", "reason", "difference", "tolerance", "created_at", "undone_at"),
        )
    },
)
rebuild(
    MATCHES,
    MatchedLine,
    Told(lambda scope: f"SELECT *, unnest(lines) AS number FROM ({_matches(scope)}) AS match"),
    key=("match_id", "number"),
    prefix="xmt",
    columns={
        "match_id": "told.id",
        "number": "told.number",
        "statement_id": "told.statement_id",
        "active": "told.undone_at IS NULL",
    },
)
rebuild(
    MATCHES,
    MatchedEntry,
    Told(
        lambda scope: (
            f"""
        SELECT match.*, statement.account_id, unnest(match.entries) AS entry_id
          FROM ({_matches(scope)}) AS match
          JOIN journal_externalstatement AS statement ON statement.id = match.statement_id"""
        )
    ),
    key=("match_id", "entry_id"),
    prefix="xmt",
    columns={
        "match_id": "told.id",
        "entry_id": "told.entry_id",
        "account_id": "told.account_id",
        "active": "told.undone_at IS NULL",
    },
)

# The digest is that of the event's answer: the canonical JSON of all matches in the order in which they were found,
# which is that of their ids; the first has the event's own. Two searches of one statement in one batch have one time,
# and then their number alone is compared.
FOUND = compare(
    MATCHES.name,
    MATCHES.says,
    lambda scope: (
        f"""
    WITH told AS (
        SELECT min(tenant_id) AS tenant_id, substr(result -> 'external_statement' ->> 'id', 5)::uuid AS statement_id,
               recorded_at AS created_at, (array_agg(id))[1] AS event,
               sum((result -> 'matching' ->> 'matches')::int) AS matches,
               CASE count(*) WHEN 1 THEN min(result -> 'matching' ->> 'digest') END AS digest,
               CASE count(*) WHEN 1 THEN min(result -> 'kept' ->> 'matched_how') END AS how,
               min(coalesce(payload ->> 'tolerance', '0')::numeric) AS tolerance
          FROM {events(Scope(scope.tenant), "external_statement.matched")} AS event GROUP BY 2, 3
    ), found AS (
        SELECT match.*, lines.list AS lines, entries.list AS entries
          FROM journal_externalmatch AS match
         CROSS JOIN LATERAL (SELECT coalesce(string_agg(number::text, ',' ORDER BY number), '') AS list
                               FROM journal_matchedline WHERE match_id = match.id) AS lines
         CROSS JOIN LATERAL (SELECT coalesce(string_agg('"ent_' || replace(entry_id::text, '-', '') || '"', ','
                                                        ORDER BY entry_id), '') AS list
                               FROM journal_matchedentry WHERE match_id = match.id) AS entries
         WHERE match.how IN ({_FOUND}) AND {scope.of("match.tenant_id")}
    ), stored AS (
        SELECT min(found.tenant_id) AS tenant_id, statement_id, created_at, count(*) AS matches,
               encode(sha256(convert_to('[' || string_agg(
                      '[[' || lines || '],[' || entries || '],"' || difference || '"]', ','
                      ORDER BY found.id <> told.event, found.id) || ']', 'UTF8')), 'hex') AS digest,
               encode(sha256(convert_to('[' || string_agg('"' || how || '"', ','
                      ORDER BY found.id <> told.event, found.id) || ']', 'UTF8')), 'hex') AS how,
               bool_and(kind = 'matched' AND reason = '' AND found.tolerance = told.tolerance) AS plain
          FROM found LEFT JOIN (SELECT statement_id, created_at, event, tolerance FROM told) AS told
               USING (statement_id, created_at)
         GROUP BY statement_id, created_at
    )
    SELECT coalesce(told.tenant_id, stored.tenant_id),
           'journal_externalmatch xst_' || replace(statement_id::text, '-', '') || ' found at ' || created_at,
           coalesce(stored.matches, 0) || ' matches, ' || coalesce(stored.digest, 'none'),
           coalesce(told.matches, 0) || ' matches, ' || coalesce(told.digest, 'none')
      FROM stored FULL JOIN told USING (statement_id, created_at)
     WHERE coalesce(stored.matches, 0) <> coalesce(told.matches, 0)
        OR (stored.matches > 0 AND (NOT stored.plain OR (told.digest IS NOT NULL AND told.digest <> stored.digest)
                                    OR (told.how IS NOT NULL AND told.how <> stored.how)))
     ORDER BY 1, 2
    """
    ),
)

ADJUSTMENTS = Check("adjustments_equal_log", "every adjustment is proposed and decided as its last event says")
rebuild(
    ADJUSTMENTS,
    ExternalAdjustment,
    last("adjustment", "adjustment.*"),
    prefix="adj",
    columns={
        "id": "told.id",
        "statement_id": ref("external_statement"),
        "number": "state ->> 'line'",
        "entry": ref("entry"),
        "counter_account_id": ref("counter_account"),
        "posted": ref("posted"),
        **said("amount", "reason", "status", "proposed_by", "proposed_at", "decided_by", "decided_at", "decision"),
        # What was decided before identities were kept was compared by name.
        "proposed_identity": "coalesce(state ->> 'proposed_identity', state ->> 'proposed_by')",
        "decided_identity": "coalesce(state ->> 'decided_identity', state ->> 'decided_by')",
    },
)
