"""Django's own tables: people, their sessions and second factors. No command writes them; the log has none of it."""

from ledger_project.log.rebuilt import leave_apart

PEOPLE = "who may log in to the back office, as administrators have it"
FACTORS = "second factors of the staff, which are secrets"

leave_apart(
    {
        **dict.fromkeys(("auth_user", "auth_group", "auth_user_groups"), PEOPLE),
        **dict.fromkeys(("auth_permission", "auth_group_permissions", "auth_user_user_permissions"), PEOPLE),
        **dict.fromkeys(("otp_totp_totpdevice", "otp_static_staticdevice", "otp_static_statictoken"), FACTORS),
        "django_session": "who is logged in just now",
        "django_admin_log": "Django's note of clicks in the back office; commands are in the log",
        **dict.fromkeys(("django_content_type", "django_migrations"), "Django's list of models and migrations"),
    }
)
