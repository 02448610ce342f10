"""Knows what must not be in production mode: a default, short or open secret, known accounts, no HTTPS."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from staysync.processes import CannotStartError
from staysync.secrets import ROLES, load_secrets
from staysync.settings import Settings

SHORTEST_PASSWORD = 12

_DISTINCT_BYTES = 16  # of 32 random bytes more are distinct, but in one of 10^13 keys
_KNOWN = (
    "staysync", "postgres", "password", "passw0rd", "changeme", "change-me", "change_me", "default", "secret",
    "administrator", "admin", "letmein", "welcome", "qwerty", "redis", "demo", "example", "hotel", "123456789", "12345",
)  # fmt: skip
CATCHER = "mail-catcher"
"""The host name of the catcher in the compose file."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UnfitForProductionError(CannotStartError):
    """Production mode is on, and something isn't fit for it. One line each in `problems`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def check_production(settings: Settings) -> None:
    """Raises UnfitForProductionError in production mode unless all is fit for it; secrets not made yet are."""
    if settings.production and (problems := list(_problems(settings))):
        raise UnfitForProductionError(problems)


def _problems(settings: Settings) -> Iterable[str]:
    if not (settings.public_origin or "").startswith("https://"):
        yield "STAYSYNC_PUBLIC_ORIGIN must be the https:// origin that browsers use"
    if settings.demo:
        yield "STAYSYNC_DEMO must be 0: everybody knows the demo's passwords"
    for network in filter(None, (part.strip() for part in settings.trusted_proxies.split(","))):
        if ip_network(network).prefixlen == 0:
            yield f"STAYSYNC_TRUSTED_PROXIES: {network} is everybody"
    if settings.admin_password is not None and is_weak(settings.admin_password.get_secret_value()):
        yield _weak("STAYSYNC_ADMIN_PASSWORD")
    for name, url in (("STAYSYNC_DATABASE_URL", settings.database_url), ("STAYSYNC_REDIS_URL", settings.redis_url)):
        if url is not None and is_weak(unquote(urlsplit(url).password or ""), none_is_weak=False):
            yield _weak(f"the password in {name}")
    if settings.redis_url is not None:
        place = urlsplit(settings.redis_url)
        if not place.password and place.hostname not in _LOOPBACK:
            yield "STAYSYNC_REDIS_URL has no password, and its server is another machine"
    yield from _mail(settings)
    yield from _weak_files(settings)
    yield from _open_files(settings)


def _open_files(settings: Settings) -> Iterable[str]:
    own = settings.secrets_dir.iterdir() if settings.secrets_dir.is_dir() else ()
    given = (settings.database_password_file, settings.redis_password_file, settings.admin_password_file)
    for file in (*sorted(own), *filter(None, given)):
        if file.is_file() and _is_open(file):
            yield f"{file} is open to everybody on this machine: chmod o-rwx it, or its directory"


def _is_open(file: Path) -> bool:
    """Whether other accounts than its owner and group reach it. In a directory closed to them they don't."""
    return bool(file.stat().st_mode & 0o007 and file.parent.stat().st_mode & 0o001)


def _mail(settings: Settings) -> Iterable[str]:
    if settings.smtp_url is None:
        return
    place = urlsplit(settings.smtp_url)
    if place.hostname == CATCHER:
        yield "STAYSYNC_SMTP_URL names the mail catcher, which sends nothing on: name your mail server"
    elif place.query == "tls=none" and place.hostname not in _LOOPBACK:
        yield "STAYSYNC_SMTP_URL has tls=none, and its server is another machine"
    if settings.mail_from.endswith(".example>") or settings.mail_from.endswith(".example"):
        yield "STAYSYNC_MAIL_FROM must be an address of yours"


def _weak_files(settings: Settings) -> Iterable[str]:
    secrets = load_secrets(settings.secrets_dir)
    for role in ROLES:
        file = settings.secrets_dir / f"db-{role}.password"
        if file.exists() and is_weak(secrets.database_password(role)):
            yield _weak(str(file))
    keys: tuple[tuple[str, Callable[[], Sequence[object]]], ...] = (
        ("master.key", lambda: secrets.master_keys()[0]),
        ("fingerprint.key", secrets.fingerprint_key),
        ("mail.key", secrets.mail_key),
    )
    for name, read in keys:
        file = settings.secrets_dir / name
        if not file.exists():
            continue
        try:
            if len(set(read())) < _DISTINCT_BYTES:
                yield f"{file} isn't random; `staysync secrets` makes one that is, for a database without guests"
        except ValueError as error:
            yield str(error)


def is_weak(password: str, *, none_is_weak: bool = True) -> bool:
    """Whether a password is short, or made of a word that is tried first and little else."""
    if not password:
        return none_is_weak
    rest = password.lower()
    for word in _KNOWN:
        rest = rest.replace(word, "")
    few_characters = len(set(password)) < SHORTEST_PASSWORD // 2
    return len(password) < SHORTEST_PASSWORD or few_characters or len(rest) < len(password) / 2


def _weak(what: str) -> str:
    return f"{what} is a known or short one; take {SHORTEST_PASSWORD} characters or more, by chance"
