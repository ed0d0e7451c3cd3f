-- Forbids a statement whose totals are not what lies between its balances; drawn credit is not the account's own.
-- Becomes: StatementMismatch.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT statement_mismatch CHECK (
    total_in >= 0 AND total_out >= 0 AND cardinality(opening) = 7 AND cardinality(closing) = 7
    AND total_in - total_out = closing[1] + closing[2] + closing[3] + closing[4] + closing[5] + closing[6] - closing[7]
                             - (opening[1] + opening[2] + opening[3] + opening[4] + opening[5] + opening[6] - opening[7]));
-- Forbids a statement of a time that was not over for ten minutes when it was issued, which its id says: what was recorded
-- before its end is committed and sealed by then. Becomes: PeriodNotOver.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT period_not_over CHECK (
    extract(epoch FROM until - '1970-01-01 00:00:00+00'::timestamptz) * 1000 + 600000
    <= ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint + 1);
