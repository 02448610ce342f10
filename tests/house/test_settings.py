"""Settings come from the environment alone, and the documentation lists every one."""

from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from staysync.secrets import ensure_secrets
from staysync.settings import Settings

_ROOT = Path(__file__).parents[2]


def test_the_environment_sets_them_and_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAYSYNC_PORT", "8123")
    monkeypatch.setenv("STAYSYNC_DEMO", "0")
    monkeypatch.setenv("STAYSYNC_DATABASE_URL", "")
    settings = Settings()
    assert (settings.port, settings.demo, settings.database_url) == (8123, False, None)


def test_they_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc] # that it can't be assigned is what is tested


def test_secrets_lie_in_the_data_directory_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).secrets_dir == tmp_path / "secrets"
    assert Settings(data_dir=tmp_path, secrets_dir=tmp_path / "other").secrets_dir == tmp_path / "other"


def test_paths_are_absolute_so_that_no_change_of_directory_moves_the_data() -> None:
    assert Settings(data_dir=Path("here")).data_dir == Path.cwd() / "here"


def test_a_role_gets_the_same_place_with_its_own_name_and_password(tmp_path: Path) -> None:
    password = ensure_secrets(tmp_path).database_password("query")
    settings = Settings(
        secrets_dir=tmp_path, database_url="postgresql://root:p%40ss@db.example:5433/hotels?ssl=require"
    )
    assert settings.role_url("query") == f"postgresql://staysync_query:{password}@db.example:5433/hotels?ssl=require"
    assert settings.sqlalchemy_url("query").startswith("postgresql+asyncpg://staysync_query:")


def test_a_password_file_completes_a_url_that_has_none(tmp_path: Path) -> None:
    file = tmp_path / "redis.password"
    file.write_text("s/cret\n")
    assert Settings(redis_url="redis://host/0", redis_password_file=file).redis_url == "redis://:s%2Fcret@host/0"
    assert Settings(redis_url="redis://:x@host/0", redis_password_file=file).redis_url == "redis://:x@host/0"


def test_passwords_are_not_shown_when_settings_are_printed() -> None:
    settings = Settings(database_url="postgresql://u:hidden@h/d", redis_url="redis://:hidden@h/0")
    assert "hidden" not in repr(settings)


def test_children_get_the_same_settings_without_privileged_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = Settings(
        data_dir=tmp_path,
        database_url="postgresql://postgres:hidden@h:5/d",
        business_day_rolls_at=time(3, 30),
        demo=False,
        workers=3,
    )
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    child = Settings()
    assert child.database_url == "postgresql://h:5/d"
    assert child.model_copy(update={"database_url": parent.database_url}) == parent


def test_an_administrator_needs_both_an_email_and_a_password() -> None:
    with pytest.raises(ValidationError, match="go together"):
        Settings(admin_email="owner@hotel.example")


def test_the_documentation_lists_every_variable_with_its_default() -> None:
    text = (_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `STAYSYNC_")]
    assert listed == [f"STAYSYNC_{name.upper()}" for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        assert field.description is not None, name
        assert field.description in text, name
