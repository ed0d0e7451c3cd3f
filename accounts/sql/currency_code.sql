-- Forbids a currency's code other than 2 to 12 capitals and digits: `eur` is no second `EUR`.
-- Currencies from before the rule stay. Becomes: a bug (the code's field refuses it).
ALTER TABLE accounts_currency DROP CONSTRAINT IF EXISTS currency_code;
ALTER TABLE accounts_currency ADD CONSTRAINT currency_code CHECK (code ~ '^[A-Z0-9]{2,12}$') NOT VALID;
