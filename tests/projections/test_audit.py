"""Exactly once, provably: an event that a projector leaves out or applies twice raises an alarm.

The projectors here are sabotaged on purpose: each test is the negative control of the promise, and of the audit.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from command.side import CommandSide
from domain.inventory import SetPrices
from projections import audit as auditing
from projections import drain as draining
from projections.audit import audit
from projections.drain import Drained, Projector, rebuild_hotel, sweep
from projections.sql import statement
from readmodels.folds import Fold
from staysync.settings import Settings
from tests.eventstore.house import House, open_house, superuser
from tests.projections.words import checkpoint, differences, drain, head, live_a_little


@pytest.fixture
async def house(side: CommandSide) -> House:
    """A hotel with a price for some nights, and a few bookings."""
    house = await open_house(side, 8)
    prices = SetPrices(room_type="DBL", first=house.day(20), until=house.day(22), price=Decimal("120.00"))
    await house.submit(prices, house.hotel_id)
    await live_a_little(house)
    return house


async def alarm(projector: Projector, house: House) -> str | None:
    """What is amiss with a hotel's projection, if anything is."""
    found: str | None = await projector.pool.fetchval(
        "select alarm from read.audit where hotel_id = $1", house.hotel_id
    )
    return found


def sabotage(monkeypatch: pytest.MonkeyPatch, apply: Callable[[Fold, Any, Any], None]) -> None:
    """Let folds apply events in another way."""
    monkeypatch.setattr(Fold, "apply", apply)


async def test_what_is_projected_rightly_raises_no_alarm(projector: Projector, house: House) -> None:
    in_small = Projector(projector.pool, projector.master_key, batch_size=3)
    for batches in (1, 2, 100):
        await drain(in_small, house.hotel_id, batches=batches)
        assert await audit(projector.pool) == 0
    assert await alarm(projector, house) is None
    audited = await projector.pool.fetchrow("select seq, checksum from read.audit where hotel_id = $1", house.hotel_id)
    at = await checkpoint(projector, house.hotel_id)
    assert audited is not None
    assert (audited["seq"], audited["checksum"]) == (at["seq"], at["checksum"])


async def test_an_event_that_is_skipped_raises_an_alarm(
    settings: Settings, projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    apply = Fold.apply
    sabotage(monkeypatch, lambda fold, recorded, event: None if recorded.seq == 3 else apply(fold, recorded, event))
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP  # nothing seems to be amiss
    end = await head(projector, house.hotel_id)
    assert await audit(projector.pool) == 1
    assert (
        await alarm(projector, house) == f"{end - 1} events were applied up to event {end}, where the ledger has {end}"
    )
    assert f"hotel {house.hotel_id}: {end - 1} events were applied" in caplog.text
    assert {"checkpoint", "alarm"} <= set(await differences(settings))


async def test_an_event_that_is_applied_twice_raises_an_alarm(
    projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Fold.apply

    def doubling(fold: Fold, recorded: Any, event: Any) -> None:
        apply(fold, recorded, event)
        if recorded.seq == 3:
            apply(fold, recorded, event)

    sabotage(monkeypatch, doubling)
    assert await drain(projector, house.hotel_id) is Drained.CAUGHT_UP
    assert await audit(projector.pool) == 1
    assert "events were applied" in (await alarm(projector, house) or "")


async def test_one_event_in_the_place_of_another_raises_an_alarm(
    projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count is right; the checksum isn't."""
    apply = Fold.apply
    kept: list[Any] = []

    def repeating(fold: Fold, recorded: Any, event: Any) -> None:
        if recorded.seq == 3:
            kept.extend((recorded, event))
        apply(fold, *(kept if recorded.seq == 4 else (recorded, event)))

    sabotage(monkeypatch, repeating)
    await drain(projector, house.hotel_id, until=4)
    assert await audit(projector.pool) == 1
    assert "the checksums differ" in (await alarm(projector, house) or "")


async def test_two_projectors_without_the_lock_raise_an_alarm(
    projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read the same batch, both write it, and both move the checkpoint: what the lock is there to prevent."""

    def unguarded(name: str) -> str:
        text = statement(name)
        text = text.replace("for update skip locked", "")
        return text.replace("and seq = $2 and checksum = $6", "and $2::bigint >= 0 and $6::bytea is not null")

    await drain(projector, house.hotel_id, until=2)
    monkeypatch.setattr(draining, "statement", unguarded)
    fold = draining._fold
    meeting = [True]

    async def fold_while_another_does(*arguments: Any) -> Any:
        if meeting:
            meeting.clear()
            await drain(projector, house.hotel_id, until=3)
        return await fold(*arguments)

    monkeypatch.setattr(draining, "_fold", fold_while_another_does)
    monkeypatch.setattr(draining, "write", _written_by_the_first)
    await drain(projector, house.hotel_id, until=3)
    assert await audit(projector.pool) == 1
    assert await alarm(projector, house) == "4 events were applied up to event 3, where the ledger has 3"


async def _written_by_the_first(*_: object) -> None:
    """The rows are of no interest here."""


async def test_a_checkpoint_that_somebody_moves_raises_an_alarm(projector: Projector, house: House) -> None:
    await drain(projector, house.hotel_id, until=2)
    await projector.pool.execute("update read.checkpoint set seq = 3 where hotel_id = $1", house.hotel_id)
    assert await sweep(projector)
    assert await audit(projector.pool) == 1


async def test_a_checkpoint_beyond_its_ledger_raises_an_alarm(projector: Projector, house: House) -> None:
    await drain(projector, house.hotel_id)
    await projector.pool.execute("update read.checkpoint set seq = seq + 5 where hotel_id = $1", house.hotel_id)
    assert await audit(projector.pool) == 1
    assert "but its ledger ends at" in (await alarm(projector, house) or "")


async def test_without_the_audits_comparison_the_same_sabotage_is_silent(
    projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Fold.apply
    sabotage(monkeypatch, lambda fold, recorded, event: None if recorded.seq == 3 else apply(fold, recorded, event))
    monkeypatch.setattr(auditing, "amiss", lambda *_: None)
    await drain(projector, house.hotel_id)
    assert await audit(projector.pool) == 0


async def test_a_long_ledger_is_summed_up_in_parts(
    projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "_PAGE", 2)
    monkeypatch.setattr(auditing, "_PAGES_AT_ONCE", 2)
    await drain(projector, house.hotel_id)
    at = []
    for _ in range(6):
        assert await audit(projector.pool) == 0
        at.append(await projector.pool.fetchval("select seq from read.audit where hotel_id = $1", house.hotel_id))
    end = await head(projector, house.hotel_id)
    assert at == [min(4 * number, end) for number in range(1, 7)]
    await projector.pool.execute(
        "update read.checkpoint set seq = seq + 1, events_applied = events_applied + 2 where hotel_id = $1",
        house.hotel_id,
    )
    assert await audit(projector.pool) == 1


async def test_an_alarm_stays_until_the_hotel_is_rebuilt(
    settings: Settings, projector: Projector, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Fold.apply
    with monkeypatch.context() as sabotaged:
        sabotage(sabotaged, lambda fold, recorded, event: None if recorded.seq == 3 else apply(fold, recorded, event))
        await drain(projector, house.hotel_id)
        await audit(projector.pool)
    await house.book(1, 2)
    await drain(projector, house.hotel_id)
    await audit(projector.pool)
    assert await alarm(projector, house) is not None
    await rebuild_hotel(projector, house.hotel_id)
    assert await audit(projector.pool) == 0
    assert await alarm(projector, house) is None
    assert await differences(settings) == {}


async def test_who_comes_from_before_the_checksums_is_summed_up_by_the_migration(
    settings: Settings, projector: Projector, house: House
) -> None:
    from migrations.versions.read_0004 import _SUM_UP

    await drain(projector, house.hotel_id)
    right = (await checkpoint(projector, house.hotel_id))["checksum"]
    async with superuser(settings) as connection:
        await connection.execute("update read.checkpoint set checksum = default")
        await connection.execute(_SUM_UP)
    assert (await checkpoint(projector, house.hotel_id))["checksum"] == right
