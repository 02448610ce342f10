"""The static files of the pages: our own, and those of Swagger UI out of its package."""

import asyncio
import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_OWN = ("style.css", "account.js", "calendar.js", "docs.js", "docs.css", "mark.svg")
_SWAGGER = ("swagger-ui.css", "swagger-ui-bundle.js")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


class Assets:
    """The files that may be asked for, each read and compressed once, when it first is."""

    def __init__(self) -> None:
        own, swagger = files("staysync.pages") / "static", files("fastapi_swagger.resources")
        self._sources: dict[str, Traversable] = {name: own / name for name in _OWN}
        self._sources |= {name: swagger / name for name in _SWAGGER}
        self._read: dict[str, Asset] = {}

    async def response(self, request: Request, name: str) -> Response | None:
        """A file as an answer to a request; None where there is no such file."""
        source = self._sources.get(name)
        if source is None:
            return None
        if name not in self._read:
            self._read[name] = await asyncio.to_thread(_read, source)
        asset = self._read[name]
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                asset.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type
            )
        return Response(asset.content, headers=headers, media_type=asset.media_type)


def _read(source: Traversable) -> Asset:
    content = source.read_bytes()
    suffix = source.name[source.name.rindex(".") :]
    return Asset(content, gzip.compress(content, 6, mtime=0), _TYPES[suffix], f'"{sha256(content).hexdigest()[:20]}"')
