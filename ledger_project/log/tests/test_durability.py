"""A server that would forget what it has acknowledged is refused at the first connection."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections


def test_a_session_without_durable_commits_is_refused() -> None:
    options = connections.settings["default"]["OPTIONS"]
    forgetful = connections.create_connection("default")
    forgetful.settings_dict["OPTIONS"] = options | {"options": f"{options['options']} -c synchronous_commit=off"}

    with pytest.raises(ImproperlyConfigured, match="synchronous_commit"):
        forgetful.connect()

    forgetful.settings_dict["OPTIONS"] = options
    forgetful.close()


def test_the_test_servers_are_durable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        assert cursor.fetchone() == ("on", "on")
