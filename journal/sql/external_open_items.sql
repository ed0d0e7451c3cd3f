-- All that is open around statements: their lines, and their accounts' entries from so many days before the first line to
-- as many after the last, with what each made the account grow by. At most `most` entries of each.
-- A function for its settings alone: the statement is prepared once for a connection's life, and a plan that was made
-- when there were few entries would read all of them for each posting; so whatever the statistics say, rows are found by
-- their indexes.
CREATE OR REPLACE FUNCTION ledger_external_open_items(statements uuid[], windows int[], of_tenant bigint, most bigint)
    RETURNS TABLE (of_statement uuid, days int, number int, entry uuid, day date, amount numeric, named text[])
    LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT asked.days, statement.id, statement.account_id,
               CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign,
               (statement.first_date - asked.days)::timestamp AT TIME ZONE 'UTC' AS since,
               (statement.last_date + asked.days + 1)::timestamp AT TIME ZONE 'UTC' AS until
          FROM unnest(statements, windows) AS asked (id, days)
          JOIN journal_externalstatement AS statement ON statement.id = asked.id AND statement.tenant_id = of_tenant
          JOIN accounts_account AS account ON account.id = statement.account_id
    )
    SELECT wanted.id, wanted.days, line.number, NULL::uuid, line.date, line.amount, ARRAY[line.reference]
      FROM wanted JOIN journal_externalline AS line ON line.statement_id = wanted.id
     WHERE NOT EXISTS (SELECT FROM journal_matchedline AS taken
                        WHERE taken.statement_id = line.statement_id AND taken.number = line.number AND taken.active)
    UNION ALL
    SELECT wanted.id, wanted.days, NULL, moved.id, (moved.effective_at AT TIME ZONE 'UTC')::date,
           moved.amount * wanted.sign, ARRAY(SELECT value FROM jsonb_each_text(moved.texts))
      FROM wanted CROSS JOIN LATERAL (
           SELECT entry.id, entry.effective_at, entry."references" AS texts, sum(posting.amount) AS amount
             FROM journal_posting AS posting JOIN journal_entry AS entry ON entry.id = posting.entry_id
            WHERE posting.account_id = wanted.account_id
              AND entry.effective_at >= wanted.since AND entry.effective_at < wanted.until
              AND NOT EXISTS (SELECT FROM journal_matchedentry AS taken
                               WHERE taken.account_id = wanted.account_id AND taken.entry_id = entry.id AND taken.active)
            GROUP BY entry.id HAVING sum(posting.amount) <> 0 LIMIT most) AS moved;
END $$;
