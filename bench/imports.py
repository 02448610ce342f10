"""Rows a second of the import of real history: a slice of the file into a new database."""

import asyncio
import gzip
import itertools
import time
from pathlib import Path

from bench.place import Place
from bench.plan import Figures, Measurement, Size
from staysync.importing.hotel_demand import read_history
from staysync.importing.hotels import Inventory
from staysync.importing.plan import Plan
from staysync.importing.replay import replay

DATA = Path(__file__).parents[2] / "shared" / "data" / "hotel_bookings.csv.gz"
_FIRST_OF_CITY = 40_060
"""The rows of the resort hotel come first in the file; the city hotel's follow."""


class NoData(Exception):
    """There is no file to import."""


def import_measurements(place: Place, size: Size, data: Path) -> list[Measurement]:
    """The import. Raises NoData."""
    if not data.exists():
        raise NoData("the data set isn't here; name its file with --data")
    file = place.folder / "slice.csv"
    cut(data, file, size.imported_rows)

    async def run(number: int) -> Figures:
        settings = await place.make_database(f"bench_import_{number}", 3)
        plan = Plan(await asyncio.to_thread(read_history, file))
        begun = time.perf_counter()
        result = await replay(settings, plan, Inventory())
        took = time.perf_counter() - begun
        if result.stopped or result.refused or len(result.imported) != size.imported_rows:
            raise RuntimeError(f"not all rows were imported: {len(result.imported)}, {result.stopped}")
        return {"import": len(result.imported) / took}

    return [Measurement("import", run)]


def cut(data: Path, file: Path, rows: int) -> None:
    """Half of the rows from each hotel, one after the other as in the file, so that the days are as full as there."""
    with gzip.open(data, "rt", encoding="utf-8") as source, file.open("w", encoding="utf-8") as target:
        target.write(next(source))
        resort = list(itertools.islice(source, rows // 2))
        city = itertools.islice(source, _FIRST_OF_CITY - len(resort), _FIRST_OF_CITY - len(resort) + rows - len(resort))
        target.writelines(resort)
        target.writelines(city)
