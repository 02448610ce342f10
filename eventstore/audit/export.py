"""Writes audit files: a hotel's or all ledgers with their signed heads and keys, or signed heads alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

from domain.rejections import UnknownHotel
from eventstore.audit import lines, store
from eventstore.reading import Pool, pages

type Progress = Callable[[UUID, int, int], None]
"""Told the hotel, how many of its events are written, and how many there are."""


async def export(
    pool: Pool, file: Path, made_us: int, hotel_id: UUID | None = None, progress: Progress | None = None
) -> int:
    """Write one hotel, or all, to a file, page by page; how many events it has. Raises UnknownHotel, OSError.

    What stands in the database is written as it stands: whether it is whole is for the check of the file to say.
    """
    hotels = await _wanted(pool, hotel_id)
    with _draft_of(file) as draft:
        with lines.opened(draft, "wb") as stream:
            await _begin(pool, stream, "all" if hotel_id is None else "hotel", made_us)
            events = 0
            for each in hotels:
                events += await _hotel(pool, stream, each, progress)
            stream.write(lines.end_line(len(hotels), events))
        draft.replace(file)
    return events


async def export_heads(pool: Pool, file: Path, made_us: int) -> int:
    """Write the keys and all signed heads to a file, without any event: small, to be kept outside. How many heads."""
    hotels = await store.hotels(pool)
    count = 0
    with _draft_of(file) as draft:
        with lines.opened(draft, "wb") as stream:
            await _begin(pool, stream, "heads", made_us)
            for hotel_id in hotels:
                head, _ = await store.head_and_last_seq(pool, hotel_id)
                stream.write(lines.hotel_line(hotel_id, head))
                count += await _signed_heads(pool, stream, hotel_id)
            stream.write(lines.end_line(len(hotels), 0))
        draft.replace(file)
    return count


@contextmanager
def _draft_of(file: Path) -> Iterator[Path]:
    """A file beside the wanted one, of the same suffix; it is removed unless it took that one's place."""
    draft = file.with_name(f".{file.stem}.part{file.suffix}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


async def _wanted(pool: Pool, hotel_id: UUID | None) -> Sequence[UUID]:
    hotels = await store.hotels(pool)
    if hotel_id is None:
        return hotels
    if hotel_id not in hotels:
        raise UnknownHotel(hotel_id=hotel_id)
    return [hotel_id]


async def _begin(pool: Pool, stream: IO[bytes], scope: lines.Scope, made_us: int) -> None:
    stream.write(lines.begin_line(scope, made_us))
    for key_id, public_key in (await store.head_keys(pool)).items():
        stream.write(lines.key_line(key_id, public_key))


async def _hotel(pool: Pool, stream: IO[bytes], hotel_id: UUID, progress: Progress | None) -> int:
    # The signed heads first, so that none is of an event which came after the last one that is written.
    signed = await store.signed_heads(pool, hotel_id)
    head, last_seq = await store.head_and_last_seq(pool, hotel_id)
    stream.write(lines.hotel_line(hotel_id, head))
    stream.writelines(map(lines.signed_head_line, signed))
    count = 0
    async for page in pages(pool, hotel_id, until=last_seq):
        stream.writelines(map(lines.event_line, page))
        count += len(page)
        if progress is not None:
            progress(hotel_id, count, last_seq)
    return count


async def _signed_heads(pool: Pool, stream: IO[bytes], hotel_id: UUID) -> int:
    signed = await store.signed_heads(pool, hotel_id)
    stream.writelines(map(lines.signed_head_line, signed))
    return len(signed)
