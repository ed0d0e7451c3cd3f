-- Forbids an id or a domain with something invisible in it, with blanks around it, or not composed: where nobody sees how
-- two differ they are one. Rows from before the rule stay. Becomes: a bug (the fields of such ids refuse it).
ALTER TABLE journal_billingrecord DROP CONSTRAINT IF EXISTS record_reference;
ALTER TABLE journal_billingrecord ADD CONSTRAINT record_reference CHECK (fit_identity(external_id)) NOT VALID;
ALTER TABLE journal_settlementbatch DROP CONSTRAINT IF EXISTS settlement_reference;
ALTER TABLE journal_settlementbatch ADD CONSTRAINT settlement_reference CHECK (fit_identity(netting_batch_id)) NOT VALID;
