"""The OpenAPI document as an attacker reads it: every operation, every field, and a request that reaches them."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fastapi import FastAPI

from identity.permissions import EXTENSION
from staysync.openapi import document
from tests.permissions.requests import given_body

type Step = str | int
type Path = tuple[Step, ...]
type Schema = Mapping[str, Any]

# One of them fits every pattern in the document; what none fits fails the tests.
_WORDS = (
    "abc", "ABC", "PT", "EUR", "en", "101", "90.00", "+49 40 123456", "ada@example.org", "04:00", "Europe/Lisbon",
)  # fmt: skip
_FORMATS = {"uuid": "0b7f3a2e-0000-7000-8000-000000000000", "date": "2027-03-01", "date-time": "2027-03-01T00:00:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a body: where it is, and what its schema says."""

    path: Path
    schema: Schema

    @property
    def pointer(self) -> str:
        """As a JSON pointer."""
        return "".join(f"/{step}" for step in self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint. `body` is the schema of its body, if it takes one, `base` a body that is well formed."""

    method: str
    path: str
    action: str | None
    parameters: Sequence[Schema]
    body: Schema | None
    base: dict[str, Any] | None
    schemas: Mapping[str, Schema]

    @property
    def name(self) -> str:
        """As the requests of tests/permissions name it."""
        return f"{self.method} {self.path}"

    def parameters_in(self, place: str) -> list[Schema]:
        """Those of the path, the query or the headers."""
        return [parameter for parameter in self.parameters if parameter["in"] == place]

    def strings(self) -> Iterator[Field]:
        """Every field of the body that takes a text."""
        for field in self.fields():
            if field.schema.get("type") == "string" and "enum" not in field.schema:
                yield field

    def objects(self) -> Iterator[Field]:
        """Every object in the body, the body itself first."""
        for field in self.fields():
            if field.schema.get("type") == "object":
                yield field

    def fields(self) -> Iterator[Field]:
        """Every field of the body, and the body itself."""
        if self.body is not None:
            yield from self._below((), self.body)

    def with_value(self, path: Path, value: Any) -> Any:
        """The well-formed body, with this value at this place."""
        body = copy.deepcopy(self.base)
        if not path:
            return value
        here: Any = body
        for step, following in pairwise(path):
            if isinstance(step, int):
                here.extend({} for _ in range(step + 1 - len(here)))
            elif step not in here:
                here[step] = [] if isinstance(following, int) else self._object_at(path[: path.index(step) + 1])
            here = here[step]
        if isinstance(here, list):
            here[:] = [value]
        else:
            here[path[-1]] = value
        return body

    def _object_at(self, path: Path) -> Any:
        return self.sample(next(field.schema for field in self.objects() if field.path == path))

    def _below(self, path: Path, schema: Schema) -> Iterator[Field]:
        for kind in self._kinds(schema):
            yield Field(path=path, schema=kind)
            for name, part in kind.get("properties", {}).items():
                yield from self._below((*path, name), part)
            if "items" in kind:
                yield from self._below((*path, 0), kind["items"])

    def _kinds(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._kinds(self.schemas[schema["$ref"].rpartition("/")[2]])
        elif "anyOf" in schema:
            for kind in schema["anyOf"]:
                yield from self._kinds(kind)
        elif schema.get("type") != "null":
            yield schema

    def sample(self, schema: Schema) -> Any:
        """A value that a schema allows."""
        kind = next(self._kinds(schema))
        match kind:
            case {"const": value} | {"enum": [value, *_]}:
                return value
            case {"examples": [value, *_]}:
                return copy.deepcopy(value)
            case {"type": "object"}:
                return {name: self.sample(kind["properties"][name]) for name in kind.get("required", ())}
            case {"type": "array"}:
                return [self.sample(kind["items"])]
            case {"type": "string", "format": str(form)} if form in _FORMATS:
                return _FORMATS[form]
            case {"type": "string"}:
                return next(word for word in _WORDS if re.search(kind.get("pattern", ""), word))
            case {"type": "integer"}:
                return kind.get("minimum", 1)
            case {"type": "boolean"}:
                return True
            case _:
                raise AssertionError(f"no sample for {kind}")


def operations(app: FastAPI) -> list[Operation]:
    """All operations of an app's document."""
    made = document(app)
    schemas = made["components"]["schemas"]
    found = []
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            name = f"{method.upper()} {path}"
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    action=operation.get(EXTENSION),
                    parameters=operation.get("parameters", ()),
                    body=content.get("application/json", {}).get("schema"),
                    base=given_body(name),
                    schemas=schemas,
                )
            )
    return found
