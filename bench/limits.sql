-- What PostgreSQL can do by itself with the same rows: one transfer as one function call, with the key, the lock in
-- order, the overdraft check, the event with its hash, the entry, two postings and both balances. For comparison only.
CREATE OR REPLACE FUNCTION bench_transfer(
    of_tenant int, event_id uuid, key text, payer uuid, receiver uuid, amount numeric, payload text, result text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    paying accounts_balance;
    receiving accounts_balance;
    balance accounts_balance;
BEGIN
    FOR balance IN
        SELECT * FROM accounts_balance WHERE account_id IN (payer, receiver) AND stripe = 0
         ORDER BY account_id FOR NO KEY UPDATE
    LOOP
        IF balance.account_id = payer THEN paying := balance; ELSE receiving := balance; END IF;
    END LOOP;
    IF paying.status <> 'open' OR paying.available < amount THEN
        RETURN false;
    END IF;
    WITH event AS (
        INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)
        VALUES (event_id, of_tenant, 'transfer.posted', 'transfer', key, 'bench', payload::json, result::json,
                sha256((payload || result)::bytea))
    ), entry AS (
        INSERT INTO journal_entry (id, tenant_id, kind, effective_at, description, "references", metadata)
        VALUES (event_id, of_tenant, 'transfer', now(), '', '{}', '{}')
    ), posting AS (
        INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)
        VALUES (event_id, 0, payer, 0, 0, amount, paying.available - amount, paying.version + 1),
               (event_id, 1, receiver, 0, 0, -amount, receiving.available + amount, receiving.version + 1)
    )
    UPDATE accounts_balance AS old
       SET available = new.available, total_in = new.total_in, total_out = new.total_out, version = old.version + 1,
           updated_at = greatest(now(), old.updated_at)
      FROM (VALUES (payer, paying.available - amount, paying.total_in, paying.total_out + amount),
                   (receiver, receiving.available + amount, receiving.total_in + amount, receiving.total_out))
           AS new (account_id, available, total_in, total_out)
     WHERE old.account_id = new.account_id AND old.stripe = 0;
    RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION bench_transfer TO ledger_app;

-- The same tables with the same indexes and nothing that judges: what COPY writes into.
DROP TABLE IF EXISTS bench_event, bench_entry, bench_posting;
CREATE TABLE bench_event (LIKE log_event INCLUDING ALL);
CREATE TABLE bench_entry (LIKE journal_entry INCLUDING ALL);
CREATE TABLE bench_posting (LIKE journal_posting INCLUDING ALL);
GRANT INSERT ON bench_event, bench_entry, bench_posting TO ledger_app;
