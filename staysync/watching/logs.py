"""Knows how log lines look: for people on a terminal, or as JSON lines, each with the request that it follows from."""

import logging
import logging.config
from typing import Any, Literal

from pythonjsonlogger.orjson import OrjsonFormatter

from eventstore.causes import present_cause
from staysync.settings import Settings

type Process = Literal["api", "worker-projections", "worker-commands", "beat"] | str

_TEXT = "%(asctime)s %(levelname)-8s %(process_name)s %(name)s: %(message)s%(cause)s"
_QUIET = {
    # They tell of every task by its arguments; our own line says its name, outcome and time.
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
    # One line for every batch of spans that is sent, or a traceback for every one that isn't.
    "opentelemetry": "ERROR",
    "urllib3": "WARNING",
}


class Marks(logging.Filter):
    """Puts the process and the request that the present work follows from into each record."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark a record; none is left out."""
        cause = present_cause()
        record.process_name = self._process
        record.cause = "" if cause is None else f" [{cause.request_id}]"
        if cause is not None:
            record.request_id = cause.request_id
            record.correlation_id = cause.correlation_id
        return True


class JsonLines(OrjsonFormatter):
    """A record as one line of JSON: the members that all have first, then what the record itself says."""

    def __init__(self) -> None:
        super().__init__("%(message)s", timestamp="at", reserved_attrs=[*_RESERVED, "cause"])

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """The members in their order; the instant as RFC 3339 with Z."""
        at = log_data.pop("at").isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"at": at, **log_data}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """What a record says."""
        log_data["at"] = None
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        log_data["process"] = record.__dict__.pop("process_name", None)
        log_data["pid"] = record.process
        super().add_fields(log_data, record, message_dict)


_RESERVED = [*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "color_message"]


def configure_logs(settings: Settings, process: str) -> None:
    """Make all log lines of this process look as the settings say, on standard error."""
    level = settings.log_level.upper()
    loggers = {} if level == "DEBUG" else {name: {"level": quiet} for name, quiet in _QUIET.items()}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"marks": {"()": Marks, "process": process}},
            "formatters": {"json": {"()": JsonLines}, "text": {"format": _TEXT}},
            "handlers": {
                "lines": {
                    "class": "logging.StreamHandler",
                    "formatter": settings.log_format,
                    "filters": ["marks"],
                }
            },
            "root": {"handlers": ["lines"], "level": level},
            "loggers": loggers,
        }
    )
