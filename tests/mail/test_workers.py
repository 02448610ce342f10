"""The worker of mail as Celery runs it: called by the projectors, swept, and killed at the worst moment."""

import asyncio
import os
import signal
import subprocess
from typing import Any

from projections.mail.tasks import DELIVER
from projections.tasks import SWEEP
from staysync.celery_app import make_celery
from staysync.nudge import open_nudger
from staysync.settings import Settings
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice
from tests.projections.workers import kill, until, worker

TIMEOUT_S = 0.5
"""How long a mail may take here: a dead worker's mail is taken over after twice that and five seconds."""


def with_mail(settings: Settings, office: PostOffice) -> Settings:
    """The settings of a worker whose mails go to the office."""
    return settings.model_copy(
        update={"smtp_url": f"smtp://127.0.0.1:{office.server.port}?tls=none", "smtp_timeout_s": TIMEOUT_S}
    )


async def state(mails: MailHouse) -> str | None:
    """What became of the only confirmation, if it is written yet."""
    return (await mails.messages()).get("confirmation")


class Killer:
    """Ends a worker by SIGKILL at a moment of a mail's way, once."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.killed = False

    def __call__(self, *_: Any) -> None:
        """Now."""
        if not self.killed:
            self.killed = True
            os.killpg(self.process.pid, signal.SIGKILL)


async def _delivered_by_another(mails: MailHouse, settings: Settings) -> None:
    with worker(settings, "mail"):
        celery = make_celery(settings)

        async def sent() -> bool:
            await asyncio.to_thread(celery.send_task, DELIVER)
            await asyncio.sleep(0.3)
            return await state(mails) == "sent"

        await until(sent)


async def test_a_worker_killed_before_the_server_has_the_mail_loses_and_repeats_nothing(
    settings: Settings, mails: MailHouse, office: PostOffice
) -> None:
    mailing = with_mail(settings, office)
    await mails.book()
    await mails.project()
    with worker(mailing, "mail") as process:
        killer = Killer(process)
        office.refuses = killer  # when it has said who the mail is for
        await asyncio.to_thread(make_celery(mailing).send_task, DELIVER)

        async def dead() -> bool:
            return killer.killed

        await until(dead)
        kill(process)
    assert office.received == []
    assert await state(mails) == "sending"
    await _delivered_by_another(mails, mailing)
    assert len(office.received) == 1


async def test_a_worker_killed_before_it_notes_that_the_server_has_the_mail_repeats_that_one(
    settings: Settings, mails: MailHouse, office: PostOffice
) -> None:
    mailing = with_mail(settings, office)
    await mails.book()
    await mails.project()
    with worker(mailing, "mail") as process:
        killer = Killer(process)
        office.on_receipt = killer  # the server has it, and has said nothing yet
        await asyncio.to_thread(make_celery(mailing).send_task, DELIVER)

        async def dead() -> bool:
            return killer.killed

        await until(dead)
        kill(process)
    assert len(office.received) == 1
    await _delivered_by_another(mails, mailing)
    assert len(office.received) == 2, "this is the worst case, and there is no more to it"
    assert len({mail["Message-ID"] for mail in office.received}) == 1, "by which it can be recognised"


async def test_the_projectors_call_the_worker_of_mail(settings: Settings, mails: MailHouse, office: PostOffice) -> None:
    mailing = with_mail(settings, office)
    await mails.book()
    with worker(mailing), worker(mailing, "mail"):
        assert mailing.redis_url is not None
        async with open_nudger(mailing.redis_url, make_celery(mailing)) as nudger:
            nudger.nudge(mails.house.hotel_id)

            async def come() -> bool:
                return len(office.received) == 1

            await until(come)  # no beat runs, so nobody else has called it


async def test_a_mail_server_that_hangs_stops_no_projector(
    settings: Settings, mails: MailHouse, office: PostOffice
) -> None:
    mailing = with_mail(settings, office).model_copy(update={"smtp_timeout_s": 30.0})
    office.hangs = True
    celery = make_celery(mailing)
    await mails.book()
    await mails.project()
    with worker(mailing), worker(mailing, "mail") as mail_worker:
        await asyncio.to_thread(celery.send_task, DELIVER)

        async def hanging() -> bool:
            return await state(mails) == "sending"

        await until(hanging)
        booking_id = await mails.book()
        await asyncio.to_thread(celery.send_task, SWEEP)

        async def projected() -> bool:
            return bool(await mails.sql("select from read.booking where booking_id = $1", booking_id))

        await until(projected)
        assert await state(mails) == "sending"
        kill(mail_worker)
