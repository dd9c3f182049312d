"""How each database finds words in texts: PostgreSQL by its full text index, any other by looking at each text.

FTS5 of SQLite is not used: its table would be kept by triggers on the one of the messages, and these are
lost without a word whenever Django alters that table, which on SQLite means making it anew.
"""

import re

from django.conf import settings
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connections
from django.db.models import Q, QuerySet

from chat.models import Message

MAX_WORD = 500  # characters; PostgreSQL refuses a word of 2,048 bytes
WORD = re.compile(r"[^\W_]+")


def holding(messages: QuerySet[Message], q: str) -> QuerySet[Message]:
    """Those with every word of `q`, in any order and any case; of the last word the beginning is enough."""
    if connections[messages.db].vendor == "postgresql":
        return _by_index(messages, q)
    return _by_reading(messages, q)


def search_vector() -> SearchVector:
    """What `chat.search_index` makes an index of; only this very expression finds it."""
    return SearchVector("text", config=settings.CHAT_SEARCH_CONFIG)


def _by_index(messages: QuerySet[Message], q: str) -> QuerySet[Message]:
    *words, last = q.split() or [""]
    if not last:
        return messages.none()
    config = settings.CHAT_SEARCH_CONFIG
    query = SearchQuery(_prefix(last[:MAX_WORD]), config=config, search_type="raw")
    if words:
        # `plain` takes any text for words; only the prefix has to be said in the language of queries.
        query = SearchQuery(" ".join(words), config=config, search_type="plain") & query
    return messages.alias(vector=search_vector()).filter(vector=query)


def _prefix(word: str) -> str:
    """The beginning of a word, quoted so that nothing in it is an operator."""
    quoted = word.replace("\\", r"\\").replace("'", "''")
    return f"'{quoted}':*"


def _by_reading(messages: QuerySet[Message], q: str) -> QuerySet[Message]:
    *words, last = WORD.findall(q) or [""]
    if not last:
        return messages.none()
    whole = {rf"(?<![^\W_]){re.escape(word)}(?![^\W_])" for word in words}
    patterns = [*sorted(whole), rf"(?<![^\W_]){re.escape(last)}"]
    return messages.filter(*(Q(text__iregex=pattern) for pattern in patterns))
