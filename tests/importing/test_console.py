"""The import as a command: its options, its last words, its exit codes."""

import asyncio
import os
import signal
import sys
from datetime import date, timedelta
from pathlib import Path

import orjson

from staysync.settings import Settings
from tests.importing.files import ledger, row, write

DAY = date(2016, 8, 1)


async def command(settings: Settings, *arguments: str | Path) -> tuple[int, str]:
    """Run `staysync import hotel-demand`; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "staysync", "import", "hotel-demand", *map(str, arguments)),
        env=os.environ | settings.environment() | {"COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_done_it_says_the_three_numbers_and_reports_every_line(settings: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "bookings.csv", [row(DAY), row(DAY), row(DAY, adults=0, lead=1)])
    report = tmp_path / "report.jsonl"
    code, said = await command(settings, file, "--rooms", "A=2", "--report", report)
    assert code == 0
    assert "SoldOut" in said
    lines = [orjson.loads(line) for line in report.read_bytes().splitlines()]
    assert [(line["line"], line["end"]) for line in lines] == [(2, "imported"), (3, "imported"), (4, "refused")]
    assert (lines[2]["step"], lines[2]["rule"], lines[2]["flags"]) == ("book", "SoldOut", ["no_guests"])


async def test_lines_that_cannot_be_read_are_named_and_make_exit_code_1(settings: Settings, tmp_path: Path) -> None:
    code, said = await command(settings, write(tmp_path / "bookings.csv", [row(DAY), row(DAY, adr="gold")]))
    assert code == 1
    assert "rejected: line 3: adr 'gold' is no amount" in said


async def test_what_cannot_start_is_one_line_and_exit_code_2(settings: Settings, tmp_path: Path) -> None:
    code, said = await command(settings, tmp_path / "nowhere.csv")
    assert code == 2
    assert "No such file" in said
    assert "Traceback" not in said
    code, said = await command(settings, tmp_path / "nowhere.csv", "--rooms", "A")
    assert code == 2
    assert "such as A=40" in said


async def test_a_signal_stops_it_after_what_is_in_flight(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv", (row(DAY + timedelta(number % 300), lead=number % 70) for number in range(9000))
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "staysync", "import", "hotel-demand", str(file)),
        env=os.environ | settings.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with ledger(settings) as connection, asyncio.timeout(60):
        # Another process makes the progress: there is nothing to wait for but what it writes.
        while await connection.fetchval("select count(*) from ledger.event") < 500:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    process.send_signal(signal.SIGINT)
    said, _ = await process.communicate()
    assert process.returncode == 1
    assert b"Start it again to go on." in said
    code, again = await command(settings, file)
    assert code == 0
    assert "9,000" in again


async def test_an_empty_history_is_done_at_once(settings: Settings, tmp_path: Path) -> None:
    assert (await command(settings, write(tmp_path / "bookings.csv", [])))[0] == 0
