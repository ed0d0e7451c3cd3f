"""No secret is a default: without `DJANGO_SECRET_KEY` nothing starts that serves, works or signs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import Signer
from django.test import override_settings

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.web import secret_key

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
MANAGE = str(PROJECT / "manage.py")
GOOD = "9bX-of-this-test-alone-2vQ7mZ0cK4tR8yL1wN5uJ3hG6fD"
OLD = "insecure-" + "build-time-only" * 4  # what the source once had as a default
CELERY = ["-m", "celery", "--app=ledger_project.celery:app"]


def start(*words: str, home: Path, key: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """A process of the ledger in a home without a key of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    environment |= {"LEDGER_HOME": str(home), "DJANGO_SECRET_KEY": key, **more}
    words = tuple(word.replace("{home}", str(home)) for word in words)
    return subprocess.run(
        [sys.executable, *words], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )


STARTS = {
    "web": ["-c", "import ledger_project.wsgi"],
    "asgi": ["-c", "import ledger_project.asgi"],
    "gunicorn": ["-m", "gunicorn", "--check-config", "ledger_project.wsgi:application"],
    "worker": [*CELERY, "worker", "--pool=solo"],
    "beat": [*CELERY, "beat", "--pidfile=", "--schedule={home}/beat"],
    "timer": [MANAGE, "run_timer"],
    "runserver": [MANAGE, "runserver", "--noreload", "127.0.0.1:0"],
    "seed_demo": [MANAGE, "seed_demo"],
    "create_api_key": [MANAGE, "create_api_key", "--help"],
    "shell": [MANAGE, "shell", "-c", "from django.core.signing import dumps; print(dumps(1))"],
}


@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
def test_nothing_starts_without_a_key(words: list[str], tmp_path: Path) -> None:
    ended = start(*words, home=tmp_path)

    assert ended.returncode != 0
    assert "DJANGO_SECRET_KEY is not set" in ended.stdout + ended.stderr


PUBLISHED = {"old": (OLD, ""), "model": ("django-insecure-0123456789", ""), "fallback": (GOOD, f"x,{OLD}")}


@pytest.mark.parametrize(("place", "known"), [("web", "old"), ("worker", "model"), ("shell", "fallback")])
def test_nor_does_it_with_one_that_everybody_knows(place: str, known: str, tmp_path: Path) -> None:
    key, fallbacks = PUBLISHED[known]

    ended = start(*STARTS[place], home=tmp_path, key=key, DJANGO_SECRET_KEY_FALLBACKS=fallbacks)

    assert ended.returncode != 0
    assert "stands in a public source" in ended.stdout + ended.stderr


@pytest.mark.parametrize("known", PUBLISHED)
@pytest.mark.parametrize(
    "enter",
    [secret_key.require, lambda: secret_key.require_for(["manage.py", "shell"]), secret_key.require_or_exit],
    ids=["web", "shell", "worker"],
)
def test_each_way_in_is_closed_to_each_of_them(enter: Callable[[], None], known: str) -> None:
    key, fallbacks = PUBLISHED[known]
    closed = pytest.raises((ImproperlyConfigured, SystemExit), match="stands in a public source")
    with override_settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks.split(",")), closed:
        enter()


SIGN = """
import django
django.setup()
from django.core.signing import Signer
Signer().sign("a payment")
"""


def test_no_process_can_sign_without_a_key(tmp_path: Path) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "ledger_project.settings"}

    assert "SECRET_KEY setting must not be empty" in start("-c", SIGN, home=tmp_path, **settings).stderr
    assert start("-c", SIGN, home=tmp_path, key=GOOD, **settings).returncode == 0


def test_what_only_builds_needs_no_key(tmp_path: Path) -> None:
    for words in (
        ["collectstatic", "--no-input", "--dry-run"],
        ["spectacular", "--file=/dev/null"],
        ["help"],
        ["check"],
    ):
        ended = start(MANAGE, *words, home=tmp_path)

        assert (ended.returncode, ended.stderr) == (0, ""), words


def test_the_key_of_the_first_make_up_is_taken(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(GOOD)

    assert start(*STARTS["web"], home=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("key", "fallbacks", "said"),
    [
        ("", [], ["ledger.E001"]),
        (OLD, [], ["ledger.E002"]),
        ("short", [], ["ledger.E002"]),
        ("abc" * 20, [], ["ledger.E002"]),
        (GOOD, ["short"], ["ledger.E003"]),
        (GOOD, [OLD], ["ledger.E003"]),
        (GOOD, [f"{GOOD}-which-was-replaced"], []),
    ],
)
def test_the_check_says_what_is_wrong_with_a_key(key: str, fallbacks: list[str], said: list[str]) -> None:
    with override_settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks):
        assert [each.id for each in secret_key.check_secret_key()] == said


@pytest.mark.parametrize(("fallback", "said"), [(OLD, True), (f"{GOOD}-which-was-replaced", False)])
def test_check_deploy_speaks_of_the_keys_of_the_environment(fallback: str, said: bool, tmp_path: Path) -> None:
    given = {"DJANGO_SECRET_KEY_FALLBACKS": fallback, "HTTPS": "true"}

    ended = start(MANAGE, "check", "--deploy", home=tmp_path, key=GOOD, **given)

    assert (ended.returncode != 0, "ledger.E003" in ended.stderr) == (said, said)
    assert said or "ledger.E" not in ended.stderr


def test_the_check_is_one_of_deployments() -> None:
    with override_settings(SECRET_KEY="short"):
        assert [each.id for each in secret_key.check_secret_key()] == ["ledger.E002"]
        assert secret_key.check_secret_key not in checks.registry.registry.get_checks()
    assert secret_key.check_secret_key in checks.registry.registry.get_checks(include_deployment_checks=True)
    with override_settings(SECRET_KEY=OLD), pytest.raises(ImproperlyConfigured):
        secret_key.require()


def test_what_a_replaced_key_signed_is_good_as_long_as_it_is_a_fallback(api: Api, ledger: Ledger) -> None:
    ledger.open("alice", "bob", "carol")
    with override_settings(SECRET_KEY=GOOD):
        first = api.get("/v1/accounts?limit=2").json()
        signed = Signer().sign("a payment")
    there = f"/v1/accounts?limit=2&cursor={first['next']}"

    with override_settings(SECRET_KEY_FALLBACKS=[GOOD]):
        assert Signer().unsign(signed) == "a payment"
        assert api.get(there).status_code == 200
        assert [each["name"] for each in api.get(there).json()["results"]] == ["carol"]
    assert api.get(there).status_code == 422
