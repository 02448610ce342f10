"""Which lines of a booking a command is about."""

from domain.bookings import Booking, Line, LineState
from domain.rejections import UnknownLine, WrongLineState


def chosen_lines(
    booking: Booking, wanted: tuple[int, ...] | None, action: str, *able: LineState, pointer: str = "/lines"
) -> list[Line]:
    """All or nothing of the lines named, or every one that is in a state for it. Raises UnknownLine, WrongLineState."""
    if wanted is None:
        chosen = [line for line in booking.lines if line.state in able]
        wrong = [] if chosen else list(booking.lines)
    else:
        for number in wanted:
            if not 1 <= number <= len(booking.lines):
                raise UnknownLine(line=number, pointer=pointer)
        chosen = [booking.line(number) for number in sorted(set(wanted))]
        wrong = [line for line in chosen if line.state not in able]
    if wrong:
        raise WrongLineState(action=action, lines=tuple((line.line, line.state.value) for line in wrong))
    return chosen


def numbers(lines: list[Line]) -> tuple[int, ...]:
    """The numbers of lines."""
    return tuple(line.line for line in lines)
