"""Knows traces: which span a request, a commit, a projection and a task have, and how they find each other.

Nothing is carried along for it. A trace's id follows from the correlation id, a request's span id from its request id,
and the ledger keeps both: so a projector, hours later and elsewhere, names the very span that its event came from.
Spans are made when their work has ended, so what isn't traced costs nothing.
"""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING

from eventstore.causes import Cause
from staysync import __version__
from staysync.processes import CannotStartError
from staysync.settings import Settings

if TYPE_CHECKING:  # loading it takes longer than most commands of the command line
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext, SpanKind

type Attributes = Mapping[str, str | int | Sequence[str]]

_STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TRACE_ID_CHARACTERS = 32
_MOST_LINKS = 128
_EXPORT_S = 5


def endpoint_of(settings: Settings) -> str | None:
    """Where spans are sent, as the settings or the standard variables say; None: nowhere."""
    if settings.otel_endpoint is not None:
        return settings.otel_endpoint.rstrip("/") + "/v1/traces"
    if os.environ.get(_STANDARD[0]):
        return os.environ[_STANDARD[0]]
    base = os.environ.get(_STANDARD[1])
    return base.rstrip("/") + "/v1/traces" if base else None


def require_traces(settings: Settings) -> None:
    """Raises CannotStartError where traces are asked for and the packages that make them aren't there."""
    if endpoint_of(settings) is not None and find_spec("opentelemetry.exporter") is None:
        raise CannotStartError("an endpoint for traces is set, but StaySync is installed without its extra `traces`")


def trace_id_of(correlation_id: str) -> int:
    """The id of the trace of all that has this correlation id: the id itself if it is one, else its hash.

    Also of a UUID, whose bits aren't all random: samplers take the low ones for a random number.
    """
    if len(correlation_id) == _TRACE_ID_CHARACTERS and not correlation_id.strip("0123456789abcdef"):
        return int(correlation_id, 16) or 1
    return int.from_bytes(sha256(correlation_id.encode()).digest()[:16]) or 1


def span_id_of(request_id: str) -> int:
    """The id of the span of a request."""
    return int.from_bytes(sha256(request_id.encode()).digest()[-8:]) or 1


def caller_of(traceparent: str | None) -> tuple[int, int] | None:
    """Trace and span id of who sends a request, by the header `traceparent` (W3C Trace Context)."""
    parts = (traceparent or "").split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    try:
        trace_id, span_id = int(parts[1], 16), int(parts[2], 16)
    except ValueError:
        return None
    return (trace_id, span_id) if trace_id and span_id else None


class Traces:
    """Makes the spans of one process."""

    def __init__(self, provider: "TracerProvider", ids: "NextIds") -> None:
        self._provider = provider
        self._ids = ids
        self._tracer = provider.get_tracer("staysync", __version__)

    def request(
        self, cause: Cause, caller: tuple[int, int] | None, name: str, began_ns: int, ended_ns: int, facts: Attributes
    ) -> None:
        """The span of an HTTP request: below its caller's if that is of the same trace, else linked with it."""
        from opentelemetry.trace import Link, SpanKind

        own = self._context(cause)
        links, parent = [], None
        if caller is not None:
            context = self._remote(*caller)
            if caller[0] == own.trace_id:
                parent = context
            else:
                links = [Link(context)]
        self._ids.next = (own.trace_id, own.span_id)
        self._span(name, SpanKind.SERVER, parent, links, began_ns, ended_ns, _with_ids(facts, [cause]))

    def work(
        self, causes: Sequence[Cause], name: str, began_ns: int, ended_ns: int, facts: Attributes, *, queued: bool
    ) -> None:
        """The span of work that was done because of requests: below the one, linked with each if there are several.

        None is made where none of the requests is sampled.
        """
        from opentelemetry.trace import Link, SpanKind, TraceFlags

        contexts = [self._context(cause) for cause in causes[:_MOST_LINKS]]
        contexts = [context for context in contexts if context.trace_flags & TraceFlags.SAMPLED]
        if not contexts:
            return
        kind = SpanKind.CONSUMER if queued else SpanKind.INTERNAL
        parent = contexts[0] if len(causes) == 1 else None
        links = [] if parent is not None else [Link(context) for context in contexts]
        self._span(name, kind, parent, links, began_ns, ended_ns, _with_ids(facts, causes))

    def flush(self) -> None:
        """Send what is made by now."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _span(
        self,
        name: str,
        kind: "SpanKind",
        parent: "SpanContext | None",
        links: Sequence[object],
        began_ns: int,
        ended_ns: int,
        facts: Attributes,
    ) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context

        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        span = self._tracer.start_span(
            name,
            context,
            kind=kind,
            attributes=dict(facts),
            links=links,  # type: ignore[arg-type] # of Link, whose module isn't loaded yet where this is read
            start_time=began_ns,
        )
        self._ids.next = None
        span.end(ended_ns)

    def _context(self, cause: Cause) -> "SpanContext":
        """The span of a request, whoever made it."""
        return self._remote(trace_id_of(cause.correlation_id), span_id_of(cause.request_id))

    def _remote(self, trace_id: int, span_id: int) -> "SpanContext":
        """A span made elsewhere. Whether it is sampled is the sampler's word alone: anybody can write a header."""
        from opentelemetry.sdk.trace.sampling import Decision
        from opentelemetry.trace import SpanContext, TraceFlags

        sampled = self._provider.sampler.should_sample(None, trace_id, "").decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


class NextIds:
    """Ids of spans: random, unless the next ones are told. OpenTelemetry's IdGenerator by its methods."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        self.next: tuple[int, int] | None = None
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        """The id of a new trace."""
        return self._random.generate_trace_id() if self.next is None else self.next[0]

    def generate_span_id(self) -> int:
        """The id of a new span."""
        return self._random.generate_span_id() if self.next is None else self.next[1]

    def is_trace_id_random(self) -> bool:
        """Whether a trace id's low bits can be taken for random; those told are a hash's or the caller's."""
        return self.next is None


def open_traces(settings: Settings, process: str) -> Traces | None:
    """The traces of this process; None where no endpoint is set. It runs a thread: call it after a fork."""
    endpoint = endpoint_of(settings)
    if endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"staysync-{process}", "service.version": __version__})
    ids = NextIds()
    provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)  # type: ignore[arg-type]
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_S)))
    return Traces(provider, ids)


def _with_ids(facts: Attributes, causes: Sequence[Cause]) -> dict[str, str | int | Sequence[str]]:
    if len(causes) != 1:
        return {**facts, "staysync.requests": len(causes)}
    (cause,) = causes
    return {
        **facts,
        "staysync.request_id": cause.request_id,
        "staysync.correlation_id": cause.correlation_id,
    }
