-- Forbids an account in a currency that its tenant has not registered, or with another scale. Becomes: CurrencyNotFound.
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS account_currency;
ALTER TABLE accounts_account ADD CONSTRAINT account_currency
    FOREIGN KEY (tenant_id, currency, scale) REFERENCES accounts_currency (tenant_id, code, scale);
