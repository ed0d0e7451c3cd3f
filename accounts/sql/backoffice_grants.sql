-- What Django's own tables need for the back office: logins, groups, sessions and the admin's log of clicks. People and
-- groups are not deleted, rights come from groups alone, and what rights there are is for migrations to say.
REVOKE ALL ON auth_user, auth_group, auth_permission, auth_user_groups, auth_group_permissions,
    auth_user_user_permissions, django_session, django_admin_log, django_content_type, django_migrations FROM ledger_app;
GRANT SELECT, INSERT, UPDATE ON auth_user, auth_group TO ledger_app;
GRANT SELECT, INSERT, DELETE ON auth_user_groups, auth_group_permissions TO ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO ledger_app;
GRANT SELECT, INSERT ON django_admin_log TO ledger_app;
GRANT SELECT ON auth_permission, auth_user_user_permissions, django_content_type, django_migrations TO ledger_app;
