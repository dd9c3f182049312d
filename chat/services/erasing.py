"""What was said in a conversation that ends: taken out of the database by a query a table, however much it is.

Django would read every row first, since somebody might want to hear that it goes. When all goes, nobody does.
"""

from chat.models import Conversation, Hidden, Message, Reaction, Revision
from chat.services.attachments import delete_files_in


def erase(conversation: Conversation) -> None:
    """Delete it, under its lock, with all that is in it. Who is in it goes row by row, since each of them is told."""
    delete_files_in(conversation)
    for model in (Hidden, Reaction, Revision):
        rows = model.objects.filter(message__conversation=conversation)
        rows._raw_delete(rows.db)
    messages = Message.objects.filter(conversation=conversation)
    messages._raw_delete(messages.db)
    conversation.delete()
