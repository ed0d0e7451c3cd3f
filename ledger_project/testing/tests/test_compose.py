"""docker-compose.yml without Docker: its shape, its rights, and that the settings read what it sets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.utils.module_loading import import_string

from ledger_project.embedded import postgres

PROJECT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "ledger"]


def test_the_services_are_the_seven_of_the_design():
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", "timer", "worker", "beat"}
    assert OURS == ["migrate", "web", "timer", "worker", "beat"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_may_become_it(name):
    service = SERVICES[name]

    assert str(service["user"]).split(":")[0] not in {"", "0", "root"}
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert service.get("read_only", False) is (name != "postgres")


@pytest.mark.parametrize("name", SERVICES)
def test_what_keeps_running_has_a_health_check_and_what_waits_waits_for_it(name):
    service = SERVICES[name]

    assert ("healthcheck" in service) is (service["restart"] != "no")
    for needed, how in service.get("depends_on", {}).items():
        runs_on = "healthcheck" in SERVICES[needed]
        assert how["condition"] == ("service_healthy" if runs_on else "service_completed_successfully")


def test_the_settings_read_every_name_that_is_set():
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', (PROJECT / "ledger_project/settings.py").read_text()))

    for name in OURS:
        assert {setting.removesuffix("_FILE") for setting in SERVICES[name]["environment"]} <= read


def test_a_secret_that_comes_as_a_file_is_mounted_where_it_is_used():
    assert set(COMPOSE["secrets"]) == {"signing_key"}
    assert [name for name in OURS if "secrets" in SERVICES[name]] == ["web", "timer", "worker"]
    for name in ("web", "timer", "worker"):
        assert SERVICES[name]["environment"]["LEDGER_SIGNING_KEY_FILE"] == "/run/secrets/signing_key"


def test_no_secret_is_written_down_and_none_may_be_missing():
    for name, service in SERVICES.items():
        for setting, value in service["environment"].items() if "environment" in service else ():
            if "SECRET" in setting or "PASSWORD" in setting:
                assert value.startswith(f"${{{setting}:?"), (name, setting)
            if "://" in value and "@" in value:
                assert re.search(r"://\w+:\$\{\w+:\?[^}]+\}@", value), (name, setting)


def test_only_the_migration_knows_the_owner_of_the_tables():
    assert [name for name in OURS if "DATABASE_OWNER_URL" in SERVICES[name]["environment"]] == ["migrate"]
    for name in OURS:
        assert SERVICES[name]["environment"]["DATABASE_URL"].startswith("postgresql://ledger_web:")


def test_only_the_timer_and_the_worker_can_seal():
    assert [name for name in OURS if "DATABASE_SEALER_URL" in SERVICES[name]["environment"]] == ["timer", "worker"]
    for name in ("timer", "worker"):
        assert SERVICES[name]["environment"]["DATABASE_SEALER_URL"].startswith("postgresql://ledger_worker:")


def test_the_timer_does_not_wait_for_redis():
    assert set(SERVICES["timer"]["depends_on"]) == {"migrate"}


def test_the_database_is_made_with_the_roles_that_the_embedded_one_has():
    def made(text):
        return sorted(re.findall(r"CREATE ROLE (\w+) ((?:NOLOGIN|LOGIN NOINHERIT))(?: .*?IN ROLE (\w+))?", text))

    assert made(COMPOSE["configs"]["roles"]["content"]) == made(postgres.ROLES)


def test_only_data_is_kept():
    kept = {name: service["volumes"] for name, service in SERVICES.items() if "volumes" in service}

    assert kept == {
        "postgres": ["postgres:/var/lib/postgresql"],
        "redis": ["redis:/data"],
        "timer": ["instance:/instance"],
        "worker": ["instance:/instance"],
    }
    assert set(COMPOSE["volumes"]) == {"postgres", "redis", "instance"}


@pytest.mark.parametrize("name", ["timer", "worker"])
def test_what_tells_a_copy_is_kept_where_what_seals_may_write(name):
    assert SERVICES[name]["environment"]["LEDGER_INSTANCE_FILE"] == "/instance/id"
    assert f"chown {SERVICES[name]['user']} /instance" in (PROJECT / "Dockerfile").read_text()


def test_the_commands_name_what_exists():
    assert SERVICES["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]
    assert SERVICES["timer"]["command"][:3] == ["python", "manage.py", "run_timer"]
    assert {"migrate", "run_timer"} <= set(get_commands())
    assert import_string(SERVICES["web"]["command"][1].replace(":", "."))
    for name in ("worker", "beat"):
        app = next(word for word in SERVICES[name]["command"] if word.startswith("--app="))
        assert import_string(app.removeprefix("--app=").replace(":", ".")).main == "ledger_project"
