"""Log lines for people or machines, with every token taken out, tracebacks and all."""

import logging
import re
from typing import Any, Final

import structlog

# A JWT wherever it stands, and the value of anything that is named like a secret in a URL, a header or a body
# (whose quotes a JSON line escapes). Linear in the length of the line: a client can write a long one.
_SECRETS: Final = (
    (re.compile(r"(?<![\w-])eyJ[\w-]{5,}+\.[\w-]++(?:\.[\w-]*+)?"), "[token]"),
    (
        re.compile(
            r"((?:token|password|\b(?:access|refresh|resume|pid))(?:\\*[\"'])?\s*+[=:]\s*+(?:\\*[\"'])?)[^\s\"'&,;}\\]+",
            re.I,
        ),
        r"\1[redacted]",
    ),
    (re.compile(r"(\bbearer[\s.]++)[\w.~+/=-]+", re.I), r"\1[redacted]"),
)


def redact(text: str) -> str:
    """The text without tokens and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


# Plain tracebacks: structlog's own show the values of local variables, and a token may be one.
_CONSOLE: Final = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """structlog's formatter: JSON or plain lines, `extra` as fields; `redact` has the last word."""

    def __init__(self, *_: Any, json: bool = False, **__: Any) -> None:
        renderer: Any = structlog.processors.JSONRenderer() if json else _CONSOLE
        super().__init__(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                *([structlog.processors.format_exc_info] if json else []),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )

    def format(self, record: logging.LogRecord) -> str:
        """One line, or one JSON object."""
        return redact(super().format(record))
