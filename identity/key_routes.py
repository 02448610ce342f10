"""Keys of programs over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import uuid_utils.compat as uuids
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity import programs
from identity.access_log import note
from identity.bodies import KeyAnswer, Keys, MadeKey, NewKey
from identity.errors import NotSignedIn
from identity.http import identity_of, permitted
from identity.permissions import may, needs
from identity.programs import ApiKey
from identity.tokens import utc_now

router = APIRouter(prefix="/v1/api-keys", tags=["programs"])


class KeysAsked(BaseModel):
    """Which keys."""

    model_config = ConfigDict(extra="forbid")

    hotel_id: UUID | None = Field(default=None, description="The keys of a hotel, whoever made them; else one's own.")
    limit: int = Field(default=20, ge=1, le=200)
    after: UUID | None = Field(default=None, description="The `next` of the page before.")


@router.post("", status_code=201, response_model=MadeKey, summary="Make a key for a program", **needs("keys.manage"))
async def make_key(request: Request, body: NewKey) -> Response:
    """By a manager of all its hotels, or an administrator. The key is in this answer and nowhere else."""
    principal = await permitted(request, *body.hotel_ids)
    if principal.account_id is None:
        raise NotSignedIn
    async with identity_of(request).connection() as connection:
        key, made = await programs.make(
            connection,
            key_id=uuids.uuid7(),
            account_id=principal.account_id,
            name=body.name,
            scopes=body.scopes,
            hotel_ids=body.hotel_ids,
            role=body.role,
            expires_at=utc_now() + timedelta(days=body.expires_in_days),
        )
    note(request, "key_made")
    return _json(MadeKey(key=key, api_key=_shown(made)), 201)


@router.get("", response_model=Keys, summary="Keys of programs", **needs("keys.own"))
async def list_keys(request: Request, asked: Annotated[KeysAsked, Query()]) -> Response:
    """One's own keys or those of a hotel, also revoked and ended ones, the newest first."""
    at = () if asked.hotel_id is None else (asked.hotel_id,)
    principal = await permitted(request, *at, also="keys.manage" if at else None)
    if principal.account_id is None:
        raise NotSignedIn
    async with identity_of(request).connection() as connection:
        found = await programs.listed(
            connection, principal.account_id, asked.hotel_id, limit=asked.limit + 1, after=asked.after
        )
    page = found[: asked.limit]
    following = str(page[-1].key_id) if len(found) > len(page) else None
    return _json(Keys(items=[_shown(key) for key in page], next=following))


@router.delete("/{key_id}", status_code=204, summary="Revoke a key", **needs("keys.own"))
async def revoke_key(request: Request, key_id: UUID) -> Response:
    """By who made it, a manager of one of its hotels, or an administrator. Writes by it are refused at once."""
    principal = await permitted(request)
    if principal.account_id is None:
        raise NotSignedIn
    side = identity_of(request)
    async with side.connection() as connection:
        key_hash = await programs.revoke(
            connection,
            key_id,
            principal.account_id,
            is_administrator=principal.is_administrator,
            managed=[hotel_id for hotel_id, role in principal.roles.items() if may(role, "keys.manage")],
        )
    side.programs.forget(key_hash)
    note(request, "key_revoked")
    return Response(status_code=204)


def _shown(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        key_id=key.key_id,
        name=key.name,
        prefix=key.prefix,
        scopes=list(key.scopes),
        hotel_ids=list(key.hotel_ids),
        role=key.role,
        made_by=key.account_id,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(), status, media_type="application/json")
