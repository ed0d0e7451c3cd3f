-- The form by which names and references are compared (ledger_project/kernel/identity.py has the same, for Python):
-- composed, without the blanks around it, hex addresses and hashes in small letters and with their 0x.
CREATE OR REPLACE FUNCTION folded(spelling text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := btrim(normalize(spelling, NFC),
        U&' \00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000');
BEGIN
    IF length(plain) < 42 OR plain !~ '(^|:)(0[xX][0-9a-fA-F]{40}|(0[xX])?[0-9a-fA-F]{64})(:|$)' THEN
        RETURN plain;
    END IF;
    RETURN (SELECT string_agg(CASE
                       WHEN part ~ '^0[xX]([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$' THEN lower(part COLLATE "C")
                       WHEN part ~ '^[0-9a-fA-F]{64}$' THEN '0x' || lower(part COLLATE "C")
                       ELSE part END, ':' ORDER BY place)
              FROM unnest(string_to_array(plain, ':')) WITH ORDINALITY AS parts (part, place));
END $$;
-- Whether a text can be an identity: composed, no blanks around it, nothing in it that nobody sees.
CREATE OR REPLACE FUNCTION fit_identity(spelling text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN spelling = btrim(normalize(spelling, NFC),
            U&' \00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000')
        AND spelling !~ '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]';
END $$;
