"""Answers with an entity tag, and 304 for whoever has that answer already (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

NOT_MODIFIED: dict[int | str, dict[str, str]] = {304: {"description": "If-None-Match named this very answer."}}

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def tagged(request: Request, content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Bytes as an answer. Their tag is strong: it is a hash of them, unless `headers` say the ETag."""
    said = dict(headers) if headers else {}
    tag = said.setdefault("ETag", f'"{blake2b(content, digest_size=12).hexdigest()}"')
    if has_already(request, tag):
        return Response(status_code=304, headers=said)
    return Response(content, media_type="application/json", headers=said)


def has_already(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this tag. Compared weakly, as the RFC has it for this header."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return False
    return asked.strip() == "*" or tag in _TAG.findall(asked)
