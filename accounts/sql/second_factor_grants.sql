-- The app's role keeps the second factors of the staff: who sets one up, uses it, and has it taken away. A backup code
-- is used once and gone.
REVOKE ALL ON otp_static_statictoken FROM ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_totp_totpdevice, otp_static_staticdevice TO ledger_app;
GRANT SELECT, INSERT, DELETE ON otp_static_statictoken TO ledger_app;
