"""Logging in: how often a password may be tried, from where, and what the log is told."""

import logging
import os
import subprocess
import sys
import uuid

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from ledger_project.testing.api import Api
from ledger_project.testing.staff import PASSWORD, person
from ledger_project.web.backoffice import logins
from ledger_project.web.backoffice.logins import BY_ADDRESS, BY_NAME, WINDOW, Attempts

NOWHERE = "redis://127.0.0.1:1/0"


def login(user, password, *, address=None):
    """One try from an address that no other test uses; the answer."""
    client = Client(REMOTE_ADDR=address or f"test-{uuid.uuid4().hex}")
    return client.post("/admin/login/", {"username": getattr(user, "username", user), "password": password})


@pytest.fixture(autouse=True)
def quick_hashing():
    """What is counted are tries; each would be half a second of hashing."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def here():
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def clerk():
    return person("ledger_viewer", password=PASSWORD)


def test_after_five_wrong_passwords_the_right_one_waits_too(clerk, here, api: Api):
    wrong = [login(clerk, "wrong", address=here) for _ in range(BY_NAME)]
    right = login(clerk, PASSWORD, address=here)

    assert {answer.status_code for answer in wrong} == {200}
    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= WINDOW
    assert "Too many attempts. Try again in 15 minutes." in right.content.decode()
    assert "sessionid" not in right.cookies
    assert login(clerk, PASSWORD).status_code == 302, "from elsewhere the person is not locked out"
    assert (
        api.client.get("/v1/accounts", REMOTE_ADDR=here, headers={"Authorization": f"Bearer {api.token}"}).status_code
        == 200
    )


def test_the_right_password_starts_the_count_anew(clerk, here):
    for _ in range(3):
        for _ in range(BY_NAME - 1):
            assert login(clerk, "wrong", address=here).status_code == 200
        assert login(clerk, PASSWORD, address=here).status_code == 302


def test_names_are_not_tried_in_turn(clerk, here):
    for n in range(BY_ADDRESS):
        login(f"{here}-{n}", "wrong", address=here) if n < 2 else logins.attempts().take(logins._names(here, "")[0])

    assert login(clerk, PASSWORD, address=here).status_code == 429
    assert login(clerk, PASSWORD).status_code == 302


def test_another_case_of_the_name_is_the_same_name(clerk, here):
    for _ in range(BY_NAME):
        login(clerk.username.upper(), "wrong", address=here)

    assert login(clerk.username, PASSWORD, address=here).status_code == 429


def test_the_addresses_of_one_network_are_one(clerk):
    network = ":".join(f"{group:x}" for group in (0x2001, 0xDB8, *divmod(uuid.uuid4().int % 2**32, 2**16)))
    for n in range(BY_NAME):
        login(clerk, "wrong", address=f"{network}::{n}")

    assert login(clerk, PASSWORD, address=f"{network}:ffff::1").status_code == 429
    assert login(clerk, PASSWORD, address="2001:db9::1").status_code == 302


@pytest.fixture
def no_redis():
    """A process whose Redis does not answer."""
    logins._attempts.cache_clear()
    with override_settings(REDIS_URL=NOWHERE):
        yield
    logins._attempts.cache_clear()


def test_without_redis_a_process_counts_alone(clerk, here, no_redis):
    statuses = [login(clerk, "wrong", address=here).status_code for _ in range(BY_NAME + 1)]

    assert statuses == [200] * BY_NAME + [429]
    assert login(clerk, PASSWORD, address=here).status_code == 429
    assert login(clerk, PASSWORD).status_code == 302


def test_processes_count_together():
    first, second = Attempts(settings.REDIS_URL), Attempts(settings.REDIS_URL)
    name = f"logins:test:{uuid.uuid4().hex}"

    counts = [counter.take(name)[0] for counter in (first, second, first, second)]
    first.forget(name)

    assert counts == [1, 2, 3, 4]
    assert first.take(name)[0] == 1


def test_behind_a_proxy_the_address_is_the_last_it_was_told():
    request = Client().get("/admin/login/", headers={"X-Forwarded-For": "6.6.6.6, 10.0.0.7"}).wsgi_request

    assert logins.address_of(request) == "127.0.0.1", "without a proxy of ours, anybody writes that header"
    with override_settings(HTTPS=True):
        assert logins.address_of(request) == "10.0.0.7"


def test_the_log_is_told_who_and_never_the_password(clerk, here, caplog):
    with caplog.at_level(logging.INFO, logger="ledger_project.web.backoffice.logins"):
        for _ in range(BY_NAME):
            login(clerk, "hunter2-hunter2", address=here)
        login(clerk, PASSWORD, address=here)
        login(clerk, PASSWORD, address=f"{here}b")

    said = [record.getMessage() for record in caplog.records if record.name == "ledger_project.web.backoffice.logins"]
    assert said == [
        *[f"login failed for {clerk.username!r} from {here}"] * BY_NAME,
        f"login refused: too many attempts for {clerk.username!r} from {here}",
        f"login of {clerk.username!r} from {here}b",
    ]
    assert "hunter2" not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("password", ["short", "password12345", "123456789012", "the-clerk-is-me"])
def test_weak_passwords_are_refused(password, clerk):
    clerk.username = "the-clerk-is-me"
    with pytest.raises(ValidationError):
        validate_password(password, clerk)


SAY = """
from django.conf import settings as s
print(s.STAFF_SECOND_FACTOR, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)
print(s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN)
"""


@pytest.mark.parametrize(
    ("https", "said"),
    [
        ("true", "True __Host-session __Host-csrf True True"),
        ("false", "False sessionid csrftoken False False"),
    ],
    ids=["tls", "demo"],
)
def test_behind_tls_cookies_are_this_hosts_alone_and_a_second_factor_is_asked_for(https: str, said: str):
    given = {name: value for name, value in os.environ.items() if name != "STAFF_SECOND_FACTOR"}
    given |= {"HTTPS": https, "DJANGO_SECRET_KEY": "x" * 60, "DJANGO_SETTINGS_MODULE": "ledger_project.settings"}

    answer = subprocess.run([sys.executable, "-c", SAY], env=given, capture_output=True, text=True, check=True)

    assert answer.stdout.splitlines() == [said, "True Lax / None"]
