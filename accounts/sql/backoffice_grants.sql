-- What Django's own tables need for the back office: logins, sessions and the admin's log of clicks.
GRANT SELECT, INSERT, UPDATE, DELETE ON auth_user, auth_group, auth_permission, auth_user_groups, auth_group_permissions,
    auth_user_user_permissions, django_session TO ledger_app;
GRANT SELECT, INSERT ON django_admin_log TO ledger_app;
GRANT SELECT ON django_content_type, django_migrations TO ledger_app;
