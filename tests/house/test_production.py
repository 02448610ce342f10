"""Production mode starts with what is fit for it, or not at all, and says why: a line each."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from staysync.production import UnfitForProductionError, check_production, is_weak
from staysync.secrets import ensure_secrets
from staysync.settings import Settings

_ROOT = Path(__file__).parents[2]


def production(folder: Path, **changes: Any) -> Settings:
    """Settings that are fit for production, but for the changes."""
    fit: dict[str, Any] = {
        "production": True,
        "public_origin": "https://book.example",
        "demo": False,
        "data_dir": folder,
        "database_url": "postgresql://owner:kX7vWm2pQz81Lt@db.example/staysync",
        "redis_url": "redis://:hB3nRs9wYc64Fd@redis.example/0",
        "admin_email": "owner@book.example",
        "admin_password": "tulip-anvil-74-ferry",
        "trusted_proxies": "10.0.0.0/8",
    }
    return Settings.model_validate(fit | changes)


def problems(settings: Settings) -> tuple[str, ...]:
    """What isn't fit."""
    with pytest.raises(UnfitForProductionError) as refused:
        check_production(settings)
    return refused.value.problems


def test_what_is_fit_starts(tmp_path: Path) -> None:
    check_production(production(tmp_path))
    ensure_secrets(tmp_path / "secrets")
    check_production(production(tmp_path))  # those that an installation makes for itself are fit


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"public_origin": None}, "STAYSYNC_PUBLIC_ORIGIN"),
        ({"public_origin": "http://book.example"}, "STAYSYNC_PUBLIC_ORIGIN"),
        ({"demo": True}, "STAYSYNC_DEMO"),
        ({"admin_password": "short-9x"}, "STAYSYNC_ADMIN_PASSWORD"),
        ({"admin_password": "Administrator1!"}, "STAYSYNC_ADMIN_PASSWORD"),
        ({"database_url": "postgresql://postgres:postgres@db.example/staysync"}, "STAYSYNC_DATABASE_URL"),
        ({"redis_url": "redis://:changeme@redis.example/0"}, "STAYSYNC_REDIS_URL"),
        ({"redis_url": "redis://redis.example/0"}, "STAYSYNC_REDIS_URL"),
        ({"trusted_proxies": "10.0.0.1, 0.0.0.0/0"}, "STAYSYNC_TRUSTED_PROXIES"),
        ({"trusted_proxies": "::/0"}, "STAYSYNC_TRUSTED_PROXIES"),
    ],
)
def test_each_thing_that_is_not_fit_is_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    settings = production(tmp_path, **changes)
    (line,) = problems(settings)
    assert named in line
    for value in changes.values():
        assert "password" not in line or str(value) not in line
    check_production(settings.model_copy(update={"production": False}))  # on a developer's machine all of it will do


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("master.key", base64.b64encode(bytes(32))),
        ("fingerprint.key", base64.b64encode(b"0123456789" * 3 + b"01")),
        ("master.key", base64.b64encode(b"short")),
        ("db-query.password", b"postgres"),
        ("db-identity.password", b"staysync-password"),
    ],
)
def test_secrets_that_somebody_wrote_by_hand(tmp_path: Path, file: str, content: bytes) -> None:
    ensure_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / file).write_bytes(content)
    (line,) = problems(production(tmp_path))
    assert file in line
    assert content.decode() not in line


@pytest.mark.parametrize("mode", [0o644, 0o640 | 0o002, 0o601])
def test_secrets_that_everybody_on_the_machine_can_reach(tmp_path: Path, mode: int) -> None:
    directory, given = tmp_path / "secrets", tmp_path / "given"
    ensure_secrets(directory)
    given.mkdir(mode=0o755)
    (given / "redis.password").write_text("hB3nRs9wYc64Fd")
    (given / "redis.password").chmod(0o640)  # its group may: containers are given secrets that way
    settings = production(tmp_path, redis_password_file=given / "redis.password")
    check_production(settings)
    (directory / "mail.key").chmod(mode)
    check_production(settings)  # the directory is closed
    (given / "redis.password").chmod(mode)
    directory.chmod(0o755)
    lines = problems(settings)
    assert [line.split()[0] for line in lines] == [str(directory / "mail.key"), str(given / "redis.password")]
    assert "hB3nRs9wYc64Fd" not in "".join(lines)


@pytest.mark.parametrize(
    "word", ["", "postgres", "changeme", "password1234", "StaySync-Secret", "aaaaaaaaaaaaaaaa", "kX7vWm2p"]
)
def test_known_and_short_passwords_are_weak(word: str) -> None:
    assert is_weak(word)


@pytest.mark.parametrize("word", ["kX7vWm2pQz81Lt", "tulip-anvil-74-ferry", "correct horse battery staple"])
def test_others_are_not(word: str) -> None:
    assert not is_weak(word)


@pytest.mark.parametrize("command", [["up"], ["serve"], ["worker", "projections"], ["beat"], ["demo"]])
def test_no_process_starts_and_each_reason_is_a_line(tmp_path: Path, command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STAYSYNC_")} | {
        "STAYSYNC_DATA_DIR": str(tmp_path),
        "STAYSYNC_PRODUCTION": "1",
        "STAYSYNC_DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1:1/x",
        "PYTHONPATH": str(_ROOT),
    }
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "staysync", *command],
        env=environment,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert [line.startswith("StaySync can't start: ") for line in lines] == [True] * 3, ended.stderr
    assert ["ORIGIN" in lines[0], "DEMO" in lines[1], "DATABASE_URL" in lines[2]] == [True] * 3
    assert "postgres:postgres" not in ended.stderr


def test_the_administrators_password_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "admin.password"
    file.write_text("tulip-anvil-74-ferry\n")
    settings = Settings(data_dir=tmp_path, admin_email="owner@book.example", admin_password_file=file)
    assert settings.admin_password is not None
    assert settings.admin_password.get_secret_value() == "tulip-anvil-74-ferry"
    assert "tulip" not in repr(settings)
    assert not [name for name in settings.environment() if "ADMIN" in name]
    with pytest.raises(ValueError, match="can't be read"):
        Settings(data_dir=tmp_path, admin_email="owner@book.example", admin_password_file=tmp_path / "none")
