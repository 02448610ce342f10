"""Secrets are made once, for their owner only, and a second maker changes nothing."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from staysync.secrets import ROLES, ensure_password, ensure_secrets, load_secrets, rotate_signing_key


def _contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    ensure_secrets(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}


def test_a_directory_that_others_could_read_is_closed(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir(mode=0o755)
    ensure_secrets(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    before = _contents(tmp_path)
    ensure_secrets(tmp_path)
    assert _contents(tmp_path) == before


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from staysync.secrets import ensure_secrets, ROLES;"
        "s = ensure_secrets(pathlib.Path(sys.argv[1]));"
        "print(s.master_keys()[0].hex(), s.signing_keys()[0].kid, *[s.database_password(r) for r in ROLES])"
    )
    several = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "secrets")], stdout=subprocess.PIPE)  # noqa: S603 - ours
        for _ in range(4)
    ]
    answers = {process.communicate()[0] for process in several}
    assert [process.returncode for process in several] == [0] * 4
    assert len(answers) == 1
    assert not [name for name in _contents(tmp_path / "secrets") if name.startswith(".")]


def test_each_is_what_its_reader_expects(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    secrets = load_secrets(tmp_path)
    keys = {secrets.master_keys()[0], secrets.fingerprint_key(), secrets.mail_key()}
    assert [len(key) for key in keys] == [32, 32, 32]
    assert len({secrets.database_password(role) for role in ROLES}) == len(ROLES)
    (key,) = secrets.signing_keys()
    assert len(key.kid) == 16
    key.private_key.public_key().verify(key.private_key.sign(b"text"), b"text")


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    (tmp_path / "master.key").write_text("c2hvcnQ=")
    with pytest.raises(ValueError, match=r"5 bytes instead of 32|master\.key"):
        load_secrets(tmp_path).master_key()


def test_a_password_may_end_with_a_line_end(tmp_path: Path) -> None:
    file = tmp_path / "own.password"
    file.write_text("mine\n")
    assert ensure_password(file) == "mine"


def test_a_new_signing_key_leaves_those_that_still_verify_and_what_it_did_not_make(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ensure_secrets(tmp_path)
    (first,) = load_secrets(tmp_path).signing_keys()
    (tmp_path / "token-signing-backup.pem").write_text("of somebody's own")
    assert rotate_signing_key(tmp_path, now) > now
    second = load_secrets(tmp_path).signing_keys()[-1]
    assert [key.kid for key in load_secrets(tmp_path).signing_keys()] == [first.kid, second.kid]
    rotate_signing_key(tmp_path, now + timedelta(hours=1))
    third = load_secrets(tmp_path).signing_keys()[-1]
    assert [key.kid for key in load_secrets(tmp_path).signing_keys()] == [second.kid, third.kid]
    ensure_secrets(tmp_path)  # doesn't make the first one anew
    assert len(load_secrets(tmp_path).signing_keys()) == 2
    rotate_signing_key(tmp_path, now + timedelta(hours=1, seconds=5), leaked=True)  # while the third only waits to sign
    (last,) = load_secrets(tmp_path).signing_keys()
    assert last.kid not in {first.kid, second.kid, third.kid}
    assert (tmp_path / "token-signing-backup.pem").exists()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("token-signing-2*.pem")} == {0o600}
