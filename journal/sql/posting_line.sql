-- Postings with the names that people know them by, for the back office, under one text id (`<entry>-<seq>`).
CREATE OR REPLACE VIEW journal_posting_line WITH (security_invoker = true) AS
SELECT posting.entry_id || '-' || posting.seq AS id, posting.entry_id, posting.seq, entry.tenant_id, entry.kind,
       entry.effective_at, posting.account_id, account.name, account.currency, account.scale, posting.stripe,
       (ARRAY['available', 'held', 'escrowed', 'bonded', 'fee_pool', 'promo', 'credit_used'])[posting.bucket + 1] AS bucket,
       posting.amount, CASE WHEN NOT account.unbounded THEN posting.balance_after END AS balance_after, posting.version
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN accounts_account AS account ON account.id = posting.account_id;
GRANT SELECT ON journal_posting_line TO ledger_app;
