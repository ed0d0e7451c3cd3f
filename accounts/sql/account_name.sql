-- Forbids an account's name with something invisible in it, with blanks around it, or not composed.
-- Accounts from before the rule stay. Becomes: a bug (the name's field refuses it).
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS account_name;
ALTER TABLE accounts_account ADD CONSTRAINT account_name CHECK (fit_identity(name)) NOT VALID;
