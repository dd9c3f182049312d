"""The shape of everything that crosses a wire: frozen, keyword-only, camelCase there and snake_case here."""

from typing import dataclass_transform

import msgspec


def camel(name: str) -> str:
    """`display_name` as `displayName`."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class ValueMeta(msgspec.StructMeta):
    """Tells type checkers what `Value` has made the default for its subclasses."""


class Value(msgspec.Struct, metaclass=ValueMeta, frozen=True, kw_only=True, rename="camel"):
    """A part of a payload."""
