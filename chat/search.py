"""Finding what was said. `chat.search_words` knows how each database finds words; who may see what, is said here."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from chat.models import Message
from chat.search_words import holding
from chat.selectors import shown_messages

Id = UUID | str


def search_messages(
    *,
    reader: Id,
    q: str,
    conversation_id: Id | None = None,
    sender_id: Id | None = None,
    before: datetime | None = None,
) -> QuerySet[Message]:
    """The messages that the reader may see and that hold every word of `q`; the last may be a word's beginning.

    What was encrypted is found by nobody: its words are not here.
    """
    messages = holding(shown_messages(reader), q)
    if conversation_id is not None:
        messages = messages.filter(conversation=UUID(str(conversation_id)))
    if sender_id is not None:
        messages = messages.filter(sender=UUID(str(sender_id)))
    if before is not None:
        messages = messages.filter(created_at__lt=before)
    return messages
