"""A thousand changes by hand in a copied ledger, each alone: the checks, live and of its file, find every one."""

from pathlib import Path

import pytest

from eventstore.audit.export import export
from eventstore.audit.file_check import check_file
from eventstore.audit.findings import Checked
from eventstore.audit.heads import HeadKey
from eventstore.audit.live_check import check_ledger
from eventstore.reading import Pool
from staysync.secrets import Secrets
from staysync.settings import Settings
from tests.audit import tampering
from tests.audit.conftest import sign
from tests.eventstore.house import House, open_house

CHANGES = 1000
SEED = 20_261_125


async def _both_checks(pool: Pool, key: HeadKey, file: Path) -> tuple[Checked, Checked]:
    live = await check_ledger(pool, trusted_keys=[key.public_key])
    await export(pool, file, 0)
    return live, check_file(file, trusted_keys=[key.public_key])


async def test_every_one_of_a_thousand_changes_is_found(
    settings: Settings, house: House, pool: Pool, secrets: Secrets, tmp_path: Path
) -> None:
    key, file = secrets.head_key(), tmp_path / "ledger.jsonl"
    second = await open_house(house.side)
    await second.book(1, 2)
    await sign(pool, secrets)
    async with tampering.superusers_pool(settings) as superuser:
        ledger = await tampering.read_all(superuser)
        assert [checked.found for checked in await _both_checks(superuser, key, file)] == [0, 0]
        ways = (*tampering.SEEN_BY_THE_CHAIN, *tampering.SEEN_BY_SIGNED_HEADS_ALONE)
        for number in range(CHANGES):
            scene = tampering.Scene(superuser, ledger, tampering.seeded(SEED + number))
            await superuser.execute("begin")
            change = await ways[number % len(ways)](scene)
            for checked in await _both_checks(superuser, key, file):
                named = [finding for finding in checked.findings if finding.hotel_id == change.hotel_id]
                assert named, f"change {number} isn't found: {change}"
                assert any(finding.seq is None or finding.seq >= change.seq for finding in named), (change, named)
            await superuser.execute("rollback")
        assert [checked.found for checked in await _both_checks(superuser, key, file)] == [0, 0]


@pytest.mark.parametrize("way", tampering.SEEN_BY_SIGNED_HEADS_ALONE, ids=lambda way: str(way.__name__))
async def test_a_flawless_chain_of_lies_is_found_by_signed_heads_alone(
    settings: Settings, house: House, pool: Pool, secrets: Secrets, way: tampering.Tampering, tmp_path: Path
) -> None:
    """The control: without the signed heads the same change is seen by nobody."""
    key = secrets.head_key()
    async with tampering.superusers_pool(settings) as superuser:
        scene = tampering.Scene(superuser, await tampering.read_all(superuser), tampering.seeded(SEED))
        await superuser.execute("begin")
        await way(scene)
        await export(superuser, tmp_path / "unsigned.jsonl", 0)
        unsigned = check_file(tmp_path / "unsigned.jsonl")
        assert (unsigned.found, unsigned.events > 0) == (0, True)
        await superuser.execute("rollback")
        await sign(pool, secrets)
        await superuser.execute("begin")
        change = await way(scene)
        [finding, *_] = (await check_ledger(superuser, trusted_keys=[key.public_key])).findings
        assert finding.kind == ("cut off" if way is tampering.cut_off_tail else "rewritten")
        assert finding.hotel_id == house.hotel_id
        assert finding.seq is not None
        assert finding.seq >= change.seq


async def test_what_is_named_is_what_was_changed_and_not_all_that_follows(
    settings: Settings, house: House, pool: Pool, secrets: Secrets
) -> None:
    await sign(pool, secrets)
    async with tampering.superusers_pool(settings) as superuser:
        ledger = await tampering.read_all(superuser)
        await superuser.execute("begin")
        await tampering.byte_of(tampering.Scene(superuser, ledger, tampering.seeded(SEED)), ledger[4])
        checked = await check_ledger(superuser, trusted_keys=[secrets.head_key().public_key])
        assert [(finding.kind, finding.seq) for finding in checked.findings] == [("changed", 5)]
    assert house.hotel_id == ledger[4].hotel_id
