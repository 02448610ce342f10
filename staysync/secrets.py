"""Knows the secrets that an installation makes for itself: keys and passwords, each in a file of its own."""

import base64
import contextlib
import hashlib
import os
import re
import secrets as randomness
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from staysync.processes import CannotStartError

if TYPE_CHECKING:  # importing cryptography takes longer than reading a password does
    from eventstore.audit.heads import HeadKey
    from eventstore.guest_keys import MasterKey
    from identity.tokens import SigningKey

type Role = Literal["owner", "command", "query", "projector", "identity", "mail", "operator", "audit"]

ROLES: tuple[Role, ...] = get_args(Role.__value__)

SIGNS_AFTER = timedelta(minutes=1)
"""How long a new signing key is only announced, so that every process knows it before a token names it."""

_FIRST_SIGNING_KEY = "token-signing.pem"
_LATER_SIGNING_KEY = re.compile(r"token-signing-(\d{8}T\d{6}Z)\.pem")
_HEAD_KEY = "head-signing.pem"
_FORMER_HEAD_KEYS = "head-public-*.hex"
_FILE_TIME = "%Y%m%dT%H%M%SZ"

_MASTER_KEY = "master.key"
_FORMER_MASTER_KEYS = "master-until-*.key"

_KEY_BYTES = 32
_PASSWORD_BYTES = 24


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one directory. Each is read when it is asked for, so a process sees only those that it needs."""

    directory: Path

    def master_key(self) -> "MasterKey":
        """The key that wraps the guests' data keys; it takes over what `rotate_master_key` writes later."""
        from eventstore.guest_keys import MasterKey

        seen = self._master_key_stamp()

        def newer() -> Sequence[bytes]:
            nonlocal seen
            stamp = self._master_key_stamp()
            if stamp == seen:
                return ()
            seen = stamp
            return self.master_keys()

        key, *former = self.master_keys()
        return MasterKey(key, former, newer)

    def master_keys(self) -> list[bytes]:
        """The 32 bytes of the master key, and those of the keys before it, the youngest first."""
        former = sorted(self.directory.glob(_FORMER_MASTER_KEYS), reverse=True)
        return [self._key(_MASTER_KEY), *(self._key(file.name) for file in former)]

    def _master_key_stamp(self) -> tuple[int, int]:
        state = (self.directory / _MASTER_KEY).stat()
        return state.st_ino, state.st_mtime_ns

    def fingerprint_key(self) -> bytes:
        """The 32 bytes of the HMAC over request bodies, so that a stored fingerprint tells nothing about a guest."""
        return self._key("fingerprint.key")

    def mail_key(self) -> bytes:
        """The 32 bytes that seal what waits in the outbox of account mails."""
        return self._key("mail.key")

    def signing_keys(self) -> "list[SigningKey]":
        """The Ed25519 keys of the access tokens, the oldest first.

        The first is `token-signing.pem`; the name of a later one says in UTC from when on it signs.
        """
        keys = [_signing_key(file) for file in _signing_files(self.directory)]
        if not keys:
            raise FileNotFoundError(f"{self.directory / _FIRST_SIGNING_KEY} isn't there")
        return sorted(keys, key=lambda key: key.signs_from)

    def head_key(self) -> "HeadKey":
        """The Ed25519 key that signs the heads of ledgers."""
        return _head_key(self.directory / _HEAD_KEY)

    def head_public_keys(self) -> list[bytes]:
        """The public keys that have ever signed heads here, 32 bytes each; that of today comes last."""
        former = sorted(self.directory.glob(_FORMER_HEAD_KEYS))
        return [*(bytes.fromhex(file.read_text(encoding="ascii")) for file in former), self.head_key().public_key]

    def database_password(self, role: Role) -> str:
        """The password of the database role `staysync_<role>`."""
        return read_password(self.directory / f"db-{role}.password")

    def _key(self, name: str) -> bytes:
        key = base64.b64decode((self.directory / name).read_bytes().strip(), validate=True)
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{self.directory / name} holds {len(key)} bytes instead of {_KEY_BYTES}")
        return key


def load_secrets(directory: Path) -> Secrets:
    """The secrets of a directory that `ensure_secrets` filled. A missing file shows when its secret is asked for."""
    return Secrets(directory)


def ensure_secrets(directory: Path) -> Secrets:
    """Make what is missing, keep what is there. Safe when several processes do it at the same moment.

    The directory is for its owner only (0700), and so is each file (0600). Raises `CannotStartError` if it can't be
    written.
    """
    _private_directory(directory)
    for name in (_MASTER_KEY, "fingerprint.key", "mail.key"):
        if not (directory / name).exists():
            _write_once(directory / name, base64.b64encode(randomness.token_bytes(_KEY_BYTES)))
    if not _signing_files(directory):  # after rotations the first one is gone, and not missed
        _write_once(directory / _FIRST_SIGNING_KEY, _new_signing_key())
    if not (directory / _HEAD_KEY).exists():
        _write_once(directory / _HEAD_KEY, _new_signing_key())
    for role in ROLES:
        ensure_password(directory / f"db-{role}.password")
    return Secrets(directory)


def ensure_password(file: Path) -> str:
    """The password kept in `file`, made now if it isn't there yet."""
    if not file.exists():
        _private_directory(file.parent)
        _write_once(file, randomness.token_urlsafe(_PASSWORD_BYTES).encode())
    return read_password(file)


def rotate_signing_key(directory: Path, now: datetime, *, leaked: bool = False) -> datetime:
    """Make a new signing key; from when on it signs. Keys whose last token is over are removed.

    The others go on verifying, so nobody is signed out. With `leaked` the new key signs at once and all others go:
    access tokens end, and browsers get new ones by their refresh tokens. Raises `CannotStartError` if the directory
    can't be written.
    """
    from identity.tokens import still_needed

    signs_from = (now if leaked else now + SIGNS_AFTER).replace(microsecond=0)
    made = directory / f"token-signing-{signs_from.strftime(_FILE_TIME)}.pem"
    _write_once(made, _new_signing_key())
    keys = {file: _signing_key(file) for file in _signing_files(directory)}
    needed = [keys[made]] if leaked else still_needed(list(keys.values()), now)
    kept = {key.kid for key in needed}
    for file, key in keys.items():
        if key.kid not in kept:
            with _one_line(directory):
                file.unlink()
    return signs_from


def rotate_master_key(directory: Path, now: datetime) -> Path:
    """Put a new master key into the place of the present one, which is kept as a former one; where it is now.

    Raises `CannotStartError` if the directory can't be written, and what reading the present key raises.
    """
    load_secrets(directory).master_key()  # a file that is no key is found before it is moved
    former = directory / f"master-until-{now.strftime(_FILE_TIME)}.key"
    fresh = directory / f".{_MASTER_KEY}.{randomness.token_hex(4)}"
    _write_once(fresh, base64.b64encode(randomness.token_bytes(_KEY_BYTES)))
    with _one_line(directory):
        former.hardlink_to(directory / _MASTER_KEY)  # at no moment is there no master key
        fresh.rename(directory / _MASTER_KEY)
    return former


def rotate_head_key(directory: Path) -> "HeadKey":
    """Replace the key that signs heads. The former private key is gone for good, its public key stays.

    Raises `CannotStartError` if the directory can't be written.
    """
    file = directory / _HEAD_KEY
    former = _head_key(file)
    _write_once(directory / f"head-public-{former.key_id}.hex", former.public_key.hex().encode())
    draft = directory / f".{_HEAD_KEY}.next"
    with _one_line(directory):
        draft.unlink(missing_ok=True)  # of a rotation that was interrupted
    _write_once(draft, _new_signing_key())
    with _one_line(directory):
        draft.replace(file)
    return _head_key(file)


def read_password(file: Path) -> str:
    """The password kept in `file`, without the line end that an editor may have added."""
    return file.read_text(encoding="utf-8").strip()


def _private_directory(directory: Path) -> None:
    with _one_line(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_mode & 0o077:
            directory.chmod(0o700)


def _write_once(file: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, and that the first of several writers decides."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.{randomness.token_hex(4)}")
    with _one_line(file.parent):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            file.hardlink_to(draft)  # unlike a rename, this fails where the file exists
        except FileExistsError:
            return  # another process was first: its secret is the one that counts
    finally:
        draft.unlink()


@contextlib.contextmanager
def _one_line(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotStartError(
            f"the secrets directory {directory} can't be written: {error.strerror}; STAYSYNC_SECRETS_DIR names another"
        ) from error


def _signing_files(directory: Path) -> list[Path]:
    return [
        file
        for file in directory.glob("token-signing*.pem")
        if file.name == _FIRST_SIGNING_KEY or _LATER_SIGNING_KEY.fullmatch(file.name)
    ]


def _signing_key(file: Path) -> "SigningKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from identity.tokens import SigningKey

    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} holds no Ed25519 key")
    kid = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
    named = _LATER_SIGNING_KEY.fullmatch(file.name)
    begins = datetime.min.replace(tzinfo=UTC) if named is None else datetime.strptime(named[1], "%Y%m%dT%H%M%S%z")
    return SigningKey(kid=kid, private_key=key, signs_from=begins)


def _head_key(file: Path) -> "HeadKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from eventstore.audit.heads import HeadKey

    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} holds no Ed25519 key")
    return HeadKey(key)


def _new_signing_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).strip()
