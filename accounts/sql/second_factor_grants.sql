-- The app's role keeps the second factors of the staff: who sets one up, uses it, and has it taken away.
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_totp_totpdevice, otp_static_staticdevice, otp_static_statictoken TO ledger_app;
