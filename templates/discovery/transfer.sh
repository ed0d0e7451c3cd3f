curl -sS -X POST {{ url }}/v1/transfers \
  -H "Authorization: Bearer $LEDGER_API_KEY" \
  -H "Content-Type: application/json" -H "Idempotency-Key: skill-transfer" \
  -d '{"from_account": "agent:ada", "to_account": "agent:bob", "amount": 30, "job_id": "job_123"}'
