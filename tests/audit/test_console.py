"""`staysync audit` as people and scripts call it: what it prints, and how it ends."""

import asyncio
import sys
from pathlib import Path

from command.side import CommandSide
from staysync.settings import Settings
from tests.audit import tampering
from tests.eventstore.house import House, open_house
from tests.service import environment

HOLDS, DIFFERS, CANNOT = 0, 1, 2


async def audit(settings: Settings, *arguments: object) -> tuple[int | None, str]:
    """Run a command; its exit code and all that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "staysync",
        "audit",
        *map(str, arguments),
        env=environment(settings, settings.port) | {"COLUMNS": "300"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_an_auditor_gets_a_file_and_checks_it_without_the_database(
    settings: Settings, house: House, tmp_path: Path
) -> None:
    file, kept = tmp_path / "ledger.jsonl.gz", tmp_path / "heads.jsonl"
    assert (await audit(settings, "sign"))[0] == HOLDS
    assert (await audit(settings, "heads", kept))[0] == HOLDS
    assert (await audit(settings, "export", house.hotel_id, file))[0] == HOLDS
    _, key = await audit(settings, "public-key")
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    code, printed = await audit(away, "check", file, "--trusted-key", key.strip(), "--head", kept)
    assert code == HOLDS, printed
    assert f"hotel {house.hotel_id}: 13 events, signed up to event 13" in printed
    assert "all holds" in printed
    code, printed = await audit(settings, "check", "--live", "--head", kept)
    assert code == HOLDS, printed


async def test_a_change_is_named_and_ends_with_1(
    settings: Settings, side: CommandSide, house: House, tmp_path: Path
) -> None:
    assert (await audit(settings, "sign"))[0] == HOLDS
    async with tampering.superusers_pool(settings) as owner:
        event = (await tampering.read_all(owner))[-1]
        await tampering.byte_of(tampering.Scene(owner, [event], tampering.seeded(1)), event)
    other = await open_house(side)
    code, printed = await audit(settings, "check", "--live", "--hotel", house.hotel_id)
    assert code == DIFFERS
    assert f"hotel {house.hotel_id}: event {event.seq}: changed:" in printed
    code, printed = await audit(settings, "check", "--live", "--hotel", other.hotel_id)
    assert (code, "unsigned" in printed) == (DIFFERS, True)
    assert (await audit(settings, "export", "--all", tmp_path / "all.jsonl"))[0] == HOLDS
    code, printed = await audit(settings, "check", tmp_path / "all.jsonl")
    assert (code, "not whole, 1 found" in printed) == (DIFFERS, True)


async def test_what_cannot_be_checked_ends_with_2_and_one_line(
    settings: Settings, house: House, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_text("hello\n")
    for arguments in (
        ("check",),
        ("check", tmp_path / "none"),
        ("check", tmp_path / "other.txt"),
        ("check", tmp_path / "other.txt", "--live"),
        ("check", tmp_path / "other.txt", "--hotel", house.hotel_id),
        ("check", "--live", "--head", tmp_path / "none"),
        ("check", "--live", "--trusted-key", "abc"),
        ("export", tmp_path / "file"),
        ("export", "no-id", tmp_path / "file"),
        ("export", "0197c2a0-1111-7222-8333-444455556666", tmp_path / "file"),
        ("export", "--all", tmp_path / "no" / "folder" / "file"),
    ):
        code, printed = await audit(settings, *arguments)
        assert (code, "Traceback" in printed) == (CANNOT, False), (arguments, printed)
    assert not (tmp_path / "file").exists()


async def test_a_key_is_rotated_by_a_command(settings: Settings, tmp_path: Path) -> None:
    alone = settings.model_copy(update={"secrets_dir": tmp_path / "secrets"})
    _, before = await audit(alone, "public-key")
    code, printed = await audit(alone, "rotate-key")
    _, after = await audit(alone, "public-key")
    assert (code, after.strip() in printed, before == after) == (HOLDS, True, False)
    former = [file.read_text().strip() for file in await asyncio.to_thread(_former, tmp_path / "secrets")]
    assert former == [before.strip()]


def _former(directory: Path) -> list[Path]:
    return list(directory.glob("head-public-*.hex"))
