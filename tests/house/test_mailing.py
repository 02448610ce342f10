"""How the settings of mail are read, and what production mode asks of them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from staysync.mailing import origin_of, sender_of, server_of
from staysync.processes import CannotStartError
from staysync.production import UnfitForProductionError, check_production
from staysync.settings import Settings


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("smtp://mail.example", "starttls", 587),
        ("smtps://mail.example", "implicit", 465),
        ("smtp://mail.example?tls=none", "none", 25),
        ("smtp://mail.example:2525", "starttls", 2525),
    ],
)
def test_an_address_says_how_the_way_is_encrypted(url: str, tls: str, port: int) -> None:
    server = server_of(Settings(smtp_url=url))
    assert server is not None
    assert (server.host, server.tls, server.port, server.user) == ("mail.example", tls, port, None)


def test_a_password_stands_in_the_address_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "smtp.password"
    file.write_text("s/cret\n")
    for settings in (
        Settings(smtp_url="smtp://desk%40hotel:s%2Fcret@mail.example"),
        Settings(smtp_url="smtp://desk%40hotel@mail.example", smtp_password_file=file),
    ):
        server = server_of(settings)
        assert server is not None
        assert (server.user, server.password) == ("desk@hotel", "s/cret")
        shown = repr(server) + repr(settings)
        assert "s/cret" not in shown
        assert "s%2Fcret" not in shown


def test_a_user_without_a_password_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="no password"):
        server_of(Settings(smtp_url="smtp://desk@mail.example"))
    with pytest.raises(CannotStartError, match="can't be read"):
        server_of(Settings(smtp_url="smtp://desk@mail.example", smtp_password_file=tmp_path / "none"))


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "smtp://mail.example?tls=maybe", "mail.example"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(smtp_url=url)


@pytest.mark.parametrize("sender", ["nobody", "a@b.example, c@d.example", "Eve\nBcc: x@y.example <a@b.example>", ""])
def test_mails_are_sent_in_the_name_of_one_address(sender: str) -> None:
    with pytest.raises(CannotStartError, match="STAYSYNC_MAIL_FROM"):
        sender_of(Settings(mail_from=sender))


def test_the_sender_and_the_origin_of_links() -> None:
    sender = sender_of(Settings(mail_from='"Grand, Lisbon" <desk@grand.example>'))
    assert (sender.name, sender.address, sender.domain) == ("Grand, Lisbon", "desk@grand.example", "grand.example")
    assert origin_of(Settings(public_origin="https://book.example")) == "https://book.example"
    assert origin_of(Settings(port=8123)) == "http://127.0.0.1:8123"
    assert origin_of(Settings(host="0.0.0.0")) == "http://127.0.0.1:8000"  # noqa: S104 - where a container listens


@pytest.mark.parametrize(
    ("url", "sender", "complaint"),
    [
        ("smtp://mail-catcher:1025?tls=none", "desk@hotel.org", "names the mail catcher"),
        ("smtp://mail.hotel.org?tls=none", "desk@hotel.org", "has tls=none"),
        ("smtp://mail.hotel.org", "StaySync <no-reply@staysync.example>", "must be an address of yours"),
    ],
)
def test_production_mode_sends_mail_safely_or_does_not_start(
    tmp_path: Path, url: str, sender: str, complaint: str
) -> None:
    settings = Settings(
        production=True,
        demo=False,
        public_origin="https://book.hotel.org",
        secrets_dir=tmp_path,
        smtp_url=url,
        mail_from=sender,
    )
    with pytest.raises(UnfitForProductionError, match=complaint):
        check_production(settings)
    check_production(settings.model_copy(update={"smtp_url": "smtp://mail.hotel.org", "mail_from": "desk@hotel.org"}))
