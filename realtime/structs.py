"""The shape of everything that crosses a wire: frozen, keyword-only, camelCase there and snake_case here."""

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class ValueMeta(msgspec.StructMeta):
    """Tells type checkers what `Value` has made the default for its subclasses."""


class Value(msgspec.Struct, metaclass=ValueMeta, frozen=True, kw_only=True, rename="camel"):
    """A part of a payload."""
