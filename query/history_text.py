"""A history as plain text: an event is a line that says when, who and what; below it what changed, and why."""

from query import answers
from query.history_words import Language, field_said, local, role_said, value_said

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "empty": "Nothing happened.",
        "changed": "changed",
        "why": "why",
        "request_id": "request",
        "correlation_id": "belongs to",
        "causation_id": "because of request",
        "booking": "booking",
        "more": "There is more; the next page begins after",
    },
    "ru": {
        "empty": "Ничего не произошло.",
        "changed": "изменилось",
        "why": "почему",
        "request_id": "запрос",
        "correlation_id": "относится к",
        "causation_id": "из-за запроса",
        "booking": "бронь",
        "more": "Есть ещё; следующая страница начинается после",
    },
}


def as_text(history: answers.History, language: Language) -> str:
    """The page for people to read."""
    words = _WORDS[language]
    if not history.items:
        return f"{words['empty']}\n"
    blocks = [_block(entry, history.timezone, language) for entry in history.items]
    if history.next is not None:
        blocks.append(f"{words['more']} {history.next}\n")
    return "\n".join(blocks)


def _block(entry: answers.HistoryEntry, timezone: str, language: Language) -> str:
    words = _WORDS[language]
    who = role_said(entry.role, language)
    if entry.actor is not None and entry.actor != entry.role:
        who = f"{who} ({entry.actor})"
    booking = "" if entry.booking_id is None else f"  {words['booking']} {entry.booking_id}"
    lines = [f"{local(entry.occurred_at, timezone)}  #{entry.seq}  {who}{booking}", f"  {entry.text}"]
    lines += [f"  {words['changed']}: {_change(change, language)}" for change in entry.changes]
    reasons = {name: getattr(entry, name) for name in ("request_id", "correlation_id", "causation_id")}
    if reasons["correlation_id"] == reasons["request_id"]:
        del reasons["correlation_id"]
    said = [f"{words[name]} {value}" for name, value in reasons.items() if value is not None]
    if said:
        lines.append(f"  {words['why']}: {', '.join(said)}")
    return "\n".join(lines) + "\n"


def _change(change: answers.FieldChange, language: Language) -> str:
    field = field_said(change.field, language)
    if change.before is None and change.after is None:
        return field  # whose values are personal, or were and are nothing
    before, after = (value_said(change.field, value, language) for value in (change.before, change.after))
    return f"{field}: {after}" if change.before is None else f"{field}: {before} → {after}"
