"""Workers killed at random while bookings are made: every mail goes, and hardly any twice.

STAYSYNC_TEST_STRESS_BOOKINGS says how many bookings; workers are killed about once for every fifty of them.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from projections.mail.tasks import DELIVER
from projections.tasks import SWEEP
from staysync.celery_app import make_celery
from staysync.settings import Settings
from tests.eventstore.house import open_house
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice
from tests.mail.test_workers import with_mail
from tests.projections.workers import kill, worker

BOOKINGS = int(os.environ.get("STAYSYNC_TEST_STRESS_BOOKINGS", "150"))
KILLS = max(3, min(BOOKINGS // 50, 60))
MAIL_WORKERS = 2
PATIENCE_S = 120.0 + BOOKINGS / 10
NIGHTS = 350
TIMEOUT_S = 5.0
"""How long a mail may take: long enough that a busy machine is never taken for a mail server that hangs."""

_SEED = random.SystemRandom().randrange(2**32)


class Crew:
    """Workers that are killed and replaced."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._start: dict[str, Callable[[], AbstractContextManager[Any]]] = {
            "projector": lambda: worker(settings),
            **{f"mail {number}": lambda: worker(settings, "mail") for number in range(MAIL_WORKERS)},
        }
        self._stack = stack
        self._at_work = {name: stack.enter_context(start()) for name, start in self._start.items()}

    def lose(self, name: str) -> None:
        """Kill one in the middle of whatever it does; another takes its place."""
        kill(self._at_work[name])
        self._at_work[name] = self._stack.enter_context(self._start[name]())

    @property
    def names(self) -> list[str]:
        """Who works."""
        return list(self._at_work)


async def _book(mails: MailHouse, one_is_lost: asyncio.Event) -> None:
    """Make the bookings; the last of them once a worker was lost, however fast the others are."""
    house = await open_house(mails.house.side, max(5, BOOKINGS // NIGHTS + 1), horizon_days=400)
    for first in range(0, BOOKINGS, 20):
        if first and first + 20 >= BOOKINGS:
            await one_is_lost.wait()
        days = [number % NIGHTS for number in range(first, min(first + 20, BOOKINGS))]
        await asyncio.gather(*(house.book(day, day + 1) for day in days))
        await asyncio.sleep(0.05)


async def _call(settings: Settings) -> None:
    """What beat does."""
    celery = make_celery(settings)
    while True:
        for task in (SWEEP, DELIVER):
            await asyncio.to_thread(celery.send_task, task, expires=2)
        await asyncio.sleep(0.5)


async def test_no_mail_is_lost_and_at_most_one_is_repeated_for_each_worker_killed(
    settings: Settings, mails: MailHouse, office: PostOffice
) -> None:
    chance = random.Random(_SEED)  # noqa: S311 - a test's dice
    mailing = with_mail(settings, office).model_copy(update={"smtp_timeout_s": TIMEOUT_S})
    killed: Counter[str] = Counter()
    began = time.monotonic()
    with ExitStack() as stack:
        crew = Crew(mailing, stack)
        one_is_lost = asyncio.Event()
        booking = asyncio.create_task(_book(mails, one_is_lost))
        calling = asyncio.create_task(_call(mailing))
        while not booking.done() or len({mail["Message-ID"] for mail in office.received}) < BOOKINGS:
            assert time.monotonic() - began < PATIENCE_S, f"mails are missing (seed {_SEED}, {killed})"
            await asyncio.sleep(chance.uniform(0.2, 3))
            if killed.total() < KILLS and office.received:
                name = chance.choice(crew.names) if killed["mail"] else "mail 0"
                await asyncio.to_thread(crew.lose, name)
                killed[name.split()[0]] += 1
                one_is_lost.set()
        await booking
        await _all_noted(mails, began)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    copies = Counter(mail["Message-ID"] for mail in office.received)
    repeated = sum(copies.values()) - len(copies)
    _tell(f"{BOOKINGS} bookings, {len(copies)} mails, {repeated} repeated, killed: {dict(killed)}, seed {_SEED}", began)
    assert killed["mail"], "no worker of mail was killed, so this proves nothing"
    assert len(copies) == BOOKINGS
    assert repeated <= killed["mail"]


async def _all_noted(mails: MailHouse, began: float) -> None:
    """Wait until each is noted as sent: a repeated one may be on its way."""
    while await mails.sql("select from mail.message where kind = 'confirmation' and state <> 'sent' limit 1"):
        assert time.monotonic() - began < PATIENCE_S, f"not all is noted (seed {_SEED})"
        await asyncio.sleep(0.5)


def _tell(figures: str, began: float) -> None:
    sys.stdout.write(f"\n{figures}, {time.monotonic() - began:.0f} s\n")
