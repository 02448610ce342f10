"""Heads are signed when they moved, and only if they come of what was signed before; no key is forgotten."""

import asyncio
import stat
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventstore.audit import store
from eventstore.audit.findings import Checked
from eventstore.audit.heads import HeadKey, SignedHead
from eventstore.audit.live_check import check_ledger
from eventstore.audit.signing import Signing, sign_heads
from eventstore.audit.tasks import SIGN_HEADS, Signer
from eventstore.reading import Pool
from staysync.celery_app import COMMANDS, make_celery
from staysync.embedded import free_port
from staysync.operations.schedules import SCHEDULES
from staysync.secrets import Secrets, ensure_secrets, load_secrets, rotate_head_key
from staysync.settings import Settings
from tests.audit import tampering
from tests.audit.conftest import sign
from tests.eventstore.house import House, superuser
from tests.service import process

FACTS = SignedHead(UUID(int=7), 3, bytes(range(32)), 1_700_000_000_000_000, "", b"")


def signed(key: HeadKey) -> SignedHead:
    return key.sign(FACTS.hotel_id, FACTS.seq, FACTS.hash, FACTS.signed_us)


async def round_of(pool: Pool, key: HeadKey, known: Collection[bytes] = ()) -> Signing:
    return await sign_heads(pool, key, [key.public_key, *known], lambda: datetime.now(UTC))


def kinds(checked: Checked) -> set[str]:
    return {finding.kind for finding in checked.findings}


def test_anyone_can_check_a_signature_by_its_description(key: HeadKey) -> None:
    """Written out from the words of docs/audit.md, without the code."""
    head = signed(key)
    clear = (
        b"staysync signed head 1\n"
        + head.hotel_id.bytes
        + head.seq.to_bytes(8)
        + head.hash
        + head.signed_us.to_bytes(8)
        + head.key_id.encode()
    )
    Ed25519PublicKey.from_public_bytes(key.public_key).verify(head.signature, clear)


@pytest.mark.parametrize(
    "change",
    [
        {"hotel_id": UUID(int=8)},
        {"seq": 4},
        {"hash": bytes(32)},
        {"signed_us": 1},
        {"key_id": "0123456789abcdef"},
        {"signature": bytes(64)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signature_is_over_every_fact(key: HeadKey, change: dict[str, object]) -> None:
    head = signed(key)
    assert head.is_signed_by(key.public_key)
    assert not replace(head, **change).is_signed_by(key.public_key)  # type: ignore[arg-type]
    assert not head.is_signed_by(HeadKey(Ed25519PrivateKey.generate()).public_key)


async def test_a_head_is_signed_once_and_again_when_it_moved(house: House, pool: Pool, key: HeadKey) -> None:
    first, again = await round_of(pool, key), await round_of(pool, key)
    assert (first.signed, first.unchanged, again.signed, again.unchanged) == (1, 0, 0, 1)
    await house.book(1, 2)
    assert (await round_of(pool, key)).signed == 1
    head, last_seq = await store.head_and_last_seq(pool, house.hotel_id)
    [_, newest] = await store.signed_heads(pool, house.hotel_id)
    assert (newest.seq, newest.hash) == head
    assert newest.seq == last_seq
    checked = await check_ledger(pool, trusted_keys=[key.public_key])
    assert checked.found == 0
    assert [hotel.signed_seq for hotel in checked.coverage] == [last_seq]


@pytest.mark.parametrize("way", tampering.SEEN_BY_SIGNED_HEADS_ALONE, ids=lambda way: str(way.__name__))
async def test_what_does_not_come_of_the_last_signed_head_is_never_signed(
    settings: Settings, house: House, pool: Pool, key: HeadKey, way: tampering.Tampering
) -> None:
    await round_of(pool, key)
    async with tampering.superusers_pool(settings) as owner:
        await way(tampering.Scene(owner, await tampering.read_all(owner), tampering.seeded(1)))
        done = await round_of(pool, key)
    assert done.signed == 0
    [refusal] = done.refused
    assert refusal.hotel_id == house.hotel_id
    assert len(await store.signed_heads(pool, house.hotel_id)) == 1


async def test_an_event_that_was_changed_since_the_last_signature_is_not_signed(
    settings: Settings, house: House, pool: Pool, key: HeadKey
) -> None:
    await round_of(pool, key)
    await house.book(1, 2)
    await house.book(2, 3)
    async with tampering.superusers_pool(settings) as owner:
        event = (await tampering.read_all(owner))[-2]
        await tampering.byte_of(tampering.Scene(owner, [event], tampering.seeded(1)), event)
    [refusal] = (await round_of(pool, key)).refused
    assert (refusal.kind, refusal.seq) == ("changed", event.seq)


async def test_a_signed_head_slipped_in_by_another_key_stops_the_signing_and_fails_the_check(
    house: House, pool: Pool, key: HeadKey
) -> None:
    strange = HeadKey(Ed25519PrivateKey.generate())
    assert (await round_of(pool, strange)).signed == 1
    [refusal] = (await round_of(pool, key)).refused
    assert refusal.kind == "signature"
    checked = await check_ledger(pool, trusted_keys=[key.public_key])
    assert kinds(checked) == {"unsigned"}
    assert any(strange.key_id in note for note in checked.notes)
    assert checked.coverage[0].hotel_id == house.hotel_id


async def test_a_hotel_that_was_taken_away_whole_is_missed(
    settings: Settings, house: House, pool: Pool, key: HeadKey
) -> None:
    await round_of(pool, key)
    async with superuser(settings) as connection:
        for table in ("event", "head"):
            await connection.execute(f"alter table ledger.{table} disable trigger all")
            await connection.execute(f"delete from ledger.{table} where hotel_id = $1", house.hotel_id)  # noqa: S608
    checked = await check_ledger(pool, trusted_keys=[key.public_key])
    assert kinds(checked) == {"head", "cut off", "unsigned"}
    assert [refusal.kind for refusal in (await round_of(pool, key)).refused] == ["head"]


async def test_a_new_key_signs_what_the_former_one_vouched_for_and_both_are_known(
    house: House, pool: Pool, secrets: Secrets
) -> None:
    former = secrets.head_key()
    await sign(pool, secrets)
    newer = rotate_head_key(secrets.directory)
    assert newer.key_id != former.key_id
    assert secrets.head_key().public_key == newer.public_key
    assert secrets.head_public_keys() == [former.public_key, newer.public_key]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets.directory.glob("head-*")} == {0o600}
    assert not list(secrets.directory.glob(".*"))
    await sign(pool, secrets)
    assert {head.key_id for head in await store.signed_heads(pool, house.hotel_id)} == {former.key_id, newer.key_id}
    assert set(await store.head_keys(pool)) == {former.key_id, newer.key_id}
    for trusted in (former, newer):
        checked = await check_ledger(pool, trusted_keys=[trusted.public_key])
        assert (checked.found, checked.coverage[0].key_id) == (0, trusted.key_id)


async def test_signed_heads_and_keys_are_append_only_also_for_a_superuser(
    settings: Settings, house: House, pool: Pool, key: HeadKey
) -> None:
    await round_of(pool, key)
    async with superuser(settings) as connection:
        for table in ("head_key", "signed_head"):
            for statement in (f"truncate audit.{table} cascade", f"delete from audit.{table}"):  # noqa: S608
                with pytest.raises(asyncpg.PostgresError, match="append-only"):
                    await connection.execute(statement)
    assert len(await store.signed_heads(pool, house.hotel_id)) == 1


async def test_the_scheduled_task_signs_with_the_key_of_the_moment(house: House, pool: Pool, secrets: Secrets) -> None:
    signer = Signer(pool, secrets.head_key, secrets.head_public_keys, lambda: datetime.now(UTC))
    assert [await signer.sign(), await signer.sign()] == [1, 0]
    rotate_head_key(secrets.directory)
    assert await signer.sign() == 1
    assert len(await store.signed_heads(pool, house.hotel_id)) == 2


async def test_a_worker_signs_when_the_clock_says_so(settings: Settings, house: House, pool: Pool) -> None:
    with process(settings, free_port(), "worker", "commands"):
        await asyncio.to_thread(make_celery(settings).send_task, SIGN_HEADS)
        async with asyncio.timeout(120):
            while not await store.signed_heads(pool, house.hotel_id):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.1)
    [head] = await store.signed_heads(pool, house.hotel_id)
    assert head.is_signed_by(load_secrets(settings.secrets_dir).head_key().public_key)


def test_the_task_is_scheduled_and_goes_to_the_workers_of_commands(settings: Settings) -> None:
    app = make_celery(settings)
    assert SIGN_HEADS in {schedule.task for schedule in SCHEDULES.values()}
    assert app.amqp.router.route({}, SIGN_HEADS)["queue"].name == COMMANDS


def test_no_key_is_made_anew_while_one_is_there(secrets: Secrets, tmp_path: Path) -> None:
    assert ensure_secrets(tmp_path / "secrets").head_key().public_key == secrets.head_key().public_key
