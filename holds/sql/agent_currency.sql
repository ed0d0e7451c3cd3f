-- Forbids a currency of agents that their tenant has not registered.
ALTER TABLE holds_agentcurrency DROP CONSTRAINT IF EXISTS agent_currency;
ALTER TABLE holds_agentcurrency ADD CONSTRAINT agent_currency
    FOREIGN KEY (tenant_id, currency) REFERENCES accounts_currency (tenant_id, code);
