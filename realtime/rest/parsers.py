"""JSON as it comes in: bounded, and strictly what RFC 8259 allows."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """Reads `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes at most; refuses broken UTF-8, surrogates and bottomless nesting."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The body as Python values; ParseError, or RequestDataTooBig."""
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        # The framework reads the stream itself, so Django's own check of this limit never runs.
        body = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(body) > limit:
            raise RequestDataTooBig
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"This is not JSON: {error}") from error
