"""Knows every setting: the one place where the environment is read."""

from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from staysync.secrets import Role, load_secrets, read_password

type LogLevel = Literal["debug", "info", "warning", "error"]
type LogFormat = Literal["text", "json"]
type ProxyHeader = Literal["x-forwarded-for", "forwarded"]


def _networks(text: str) -> str:
    for network in filter(None, (part.strip() for part in text.split(","))):
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(f"{network} is no network such as 10.0.0.0/8 or 2001:db8::1") from None
    return text


Networks = Annotated[str, AfterValidator(_networks)]
RateText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,6}/([1-9][0-9]{0,3})?[smhd])$")]
"""So many in so long, such as 20/15m (s, m, h or d); 0 is no limit."""


_NOT_FOR_CHILDREN = {"admin_email", "admin_password", "admin_password_file", "database_password_file"}


class Settings(BaseSettings):
    """How this installation runs. Each field is read from `STAYSYNC_<NAME>`; an empty variable counts as absent."""

    model_config = SettingsConfigDict(
        env_prefix="STAYSYNC_", env_ignore_empty=True, frozen=True, extra="forbid", validate_default=True
    )

    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the API listens on.")
    public_origin: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+$",
        description="Origin that browsers use, such as https://book.example; absent: the address of each request.",
    )
    production: bool = Field(
        default=False,
        description="1 on a public service: with HTTPS, secrets that nobody knows and no demo, or not at all.",
    )
    log_level: LogLevel = Field(default="warning", description="debug, info, warning or error.")
    log_format: LogFormat = Field(
        default_factory=lambda known: "json" if known.get("production") else "text",
        description="text, for people, or json, a line of JSON for each.",
    )
    otel_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Where traces are sent by OTLP over HTTP, such as http://collector:4318; absent: nowhere.",
    )
    metrics_networks: Networks = Field(
        default="127.0.0.0/8,::1/128",
        description="Networks whose addresses may read /metrics, comma-separated.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port at which a worker or beat shows its metrics; 0 is none."
    )
    lag_bound_s: float = Field(
        default=30.0, gt=0, description="How old an event may be that no read table has yet, before health says so."
    )

    data_dir: Path = Field(default=Path(".staysync"), description="Where the embedded servers keep their data.")
    secrets_dir: Path = Field(
        default_factory=lambda known: known["data_dir"] / "secrets",
        description="Where keys and passwords are kept; absent: the folder `secrets` of the data directory.",
    )

    demo: bool = Field(default=True, description="1 makes the demo hotels in an empty database, 0 starts empty.")
    admin_email: str | None = Field(default=None, description="E-mail of the first administrator, made if absent.")
    admin_password: SecretStr | None = Field(default=None, description="Password of the first administrator.")
    admin_password_file: Path | None = Field(
        default=None, description="File with the password of the first administrator, in the place of the variable."
    )

    database_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^postgres(ql)?://",
        description="A PostgreSQL 18 server, with a user that may make roles and databases; absent: the embedded one.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the password for the database URL, where the URL holds none."
    )
    redis_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^rediss?://",
        description="A Redis or Valkey server, the broker; absent: the embedded one.",
    )
    redis_password_file: Path | None = Field(
        default=None, description="File with the password for the Redis URL, where the URL holds none."
    )

    smtp_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^smtps?://([^/@?\s]+@)?[^/@?\s]+/?(\?tls=none)?$",
        description="The mail server: smtp://user@host:587 (STARTTLS), smtps://user@host:465, or smtp://host:25?tls=none;"
        " absent: `staysync up` starts a catcher, and otherwise no mail is sent.",
    )
    smtp_password_file: Path | None = Field(
        default=None, description="File with the password for the mail server, where the URL holds none."
    )
    smtp_ca_file: Path | None = Field(
        default=None, description="Certificates of authorities to trust for the mail server; absent: the system's."
    )
    smtp_timeout_s: float = Field(
        default=15.0, gt=0, le=300, description="How long handing in one mail may take, in seconds."
    )
    mail_from: str = Field(
        default="StaySync <no-reply@staysync.example>", description="In whose name mails are sent, with the address."
    )
    catcher_host: str = Field(default="127.0.0.1", description="Address that the mail catcher listens on.")
    catcher_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the catcher's page; absent: a free one."
    )
    catcher_smtp_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port on which the catcher takes mails; absent: a free one."
    )

    workers: int = Field(default=1, ge=1, le=64, description="Processes of the projection worker.")
    command_pool_size: int = Field(default=10, ge=2, le=100, description="Database connections of the write side.")
    query_pool_size: int = Field(default=10, ge=1, le=100, description="Database connections of the read side.")
    max_body_bytes: int = Field(default=262144, ge=1024, description="Largest request body that is accepted, in bytes.")
    max_headers: int = Field(default=100, ge=10, description="Most header fields that a request may have.")
    max_header_bytes: int = Field(
        default=32768, ge=4096, description="Most bytes that a request's address and header fields may have together."
    )
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="How long the header fields of a request may take to arrive, in seconds."
    )
    body_timeout_s: float = Field(
        default=20.0, gt=0, description="How long the body of a request may take to arrive, in seconds."
    )
    write_timeout_s: float = Field(
        default=30.0, gt=0, description="How long a client may take nothing of its answer, in seconds; then it is cut."
    )
    request_timeout_s: float = Field(
        default=30.0, gt=0, description="How long a request may take in all, in seconds; then the answer is 503."
    )
    keep_answers_s: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="How long Redis keeps answers to searches and calendars for others who ask, in seconds; 0: not.",
    )
    position_wait_s: float = Field(
        default=2.0, ge=0, le=30, description="How long a query waits for the position that it asks for, in seconds."
    )

    streams: int = Field(default=1000, ge=1, description="Most streams of changes open in an API process.")
    streams_per_account: int = Field(
        default=10, ge=1, description="Most streams of changes open for one account or key in an API process."
    )

    bookable_horizon_days: int = Field(
        default=730, ge=1, le=3660, description="How far ahead a new hotel can be booked, in days."
    )
    business_day_rolls_at: time = Field(
        default=time(4, 0), description="Local time at which a hotel's business date moves on."
    )

    guests_kept_years: int = Field(
        default=0, ge=0, le=100, description="Years after their last stay at a hotel that guests are erased; 0: never."
    )
    access_log_days: int = Field(default=90, ge=7, le=3660, description="How long the access log is kept, in days.")
    trusted_proxies: Networks = Field(
        default="",
        description="Networks of the proxies in front, comma-separated; only they are believed who the client is.",
    )
    proxy_header: ProxyHeader = Field(
        default="x-forwarded-for",
        description="The header in which those proxies name the client: x-forwarded-for or forwarded.",
    )
    limit_sign_ins_per_address: RateText = Field(default="60/m", description="Sign-ins from one address.")
    limit_sign_ins_per_account: RateText = Field(
        default="20/15m", description="Failed sign-ins to one e-mail, from anywhere."
    )
    limit_registrations_per_address: RateText = Field(default="60/h", description="Registrations from one address.")
    limit_registrations_per_account: RateText = Field(default="5/h", description="Registrations of one e-mail.")
    limit_resets_per_address: RateText = Field(
        default="60/h", description="Requests for account mails (reset, verification) from one address."
    )
    limit_resets_per_account: RateText = Field(default="5/h", description="Account mails to one e-mail.")
    limit_lookups_per_address: RateText = Field(default="60/m", description="Lookups of bookings from one address.")
    limit_lookups_per_account: RateText = Field(default="20/15m", description="Lookups of bookings by one e-mail.")
    limit_holds_per_address: RateText = Field(
        default="120/m", description="Holds from one address by people without a role at the hotel."
    )
    limit_holds_per_account: RateText = Field(
        default="60/10m", description="Holds by one account without a role at the hotel; by anyone, for one e-mail."
    )
    limit_bookings_per_address: RateText = Field(
        default_factory=lambda known: "600/m" if known.get("production") else "0",
        description="Bookings confirmed at once from one address without a role there, in each API process.",
    )
    limit_requests_per_key: RateText = Field(
        default="1200/m", description="Requests with one API key, in each API process."
    )
    limit_unknown_keys_per_address: RateText = Field(
        default="60/m", description="Requests from one address with API keys that aren't valid, in each API process."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Make paths absolute (a later change of directory must not move them) and put passwords into their URLs."""
        known = dict(values)
        known["data_dir"] = Path(known.get("data_dir", ".staysync")).expanduser().absolute()
        if "secrets_dir" in known:
            known["secrets_dir"] = Path(known["secrets_dir"]).expanduser().absolute()
        for url, file in (("database_url", "database_password_file"), ("redis_url", "redis_password_file")):
            if known.get(url) and known.get(file):
                known[url] = _with_password(known[url], Path(known[file]))
        if known.get("admin_password_file") and not known.get("admin_password"):
            known["admin_password"] = _password_of(Path(known["admin_password_file"]))
        return known

    @model_validator(mode="after")
    def _administrator_is_whole(self) -> Self:
        if (self.admin_email is None) != (self.admin_password is None):
            raise ValueError("STAYSYNC_ADMIN_EMAIL and STAYSYNC_ADMIN_PASSWORD go together")
        return self

    @property
    def catcher_address(self) -> str | None:
        """Where the page of the mail catcher is, for a browser on its machine; None where none runs."""
        return None if self.catcher_port is None or self.production else f"http://127.0.0.1:{self.catcher_port}/"

    def role_url(self, role: Role) -> str:
        """The database's URL for the role `staysync_<role>`, with its password from the secrets directory."""
        return self._role_url("postgresql", role)

    def sqlalchemy_url(self, role: Role) -> str:
        """The same in the form that SQLAlchemy and Alembic want."""
        return self._role_url("postgresql+asyncpg", role)

    def environment(self) -> dict[str, str]:
        """The variables that give a child process these settings, without what no child needs: privileged passwords."""
        shared = self.model_dump(mode="json", exclude_none=True, exclude=_NOT_FOR_CHILDREN)
        if self.database_url is not None:
            parts = urlsplit(self.database_url)
            shared["database_url"] = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return {f"STAYSYNC_{name.upper()}": str(value) for name, value in shared.items()}

    def _role_url(self, scheme: str, role: Role) -> str:
        if self.database_url is None:
            raise ValueError("no database is known: STAYSYNC_DATABASE_URL is absent and no embedded server was started")
        parts = urlsplit(self.database_url)
        password = load_secrets(self.secrets_dir).database_password(role)
        place = parts.netloc.rpartition("@")[2]
        netloc = f"staysync_{role}:{quote(password, safe='')}@{place}"
        return urlunsplit((scheme, netloc, parts.path, parts.query, ""))


def _password_of(file: Path) -> str:
    try:
        return read_password(file)
    except OSError as error:
        raise ValueError(f"STAYSYNC_ADMIN_PASSWORD_FILE: {file} can't be read: {error.strerror}") from None


def _with_password(url: str, file: Path) -> str:
    """The URL with the password of a file, unless it has one; a file not made yet leaves the URL as it is."""
    parts = urlsplit(url)
    if parts.password is not None or not file.exists():
        return url
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(read_password(file), safe='')}@{place}"))
