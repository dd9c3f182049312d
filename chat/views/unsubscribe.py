"""The page behind a mail's "no more mail"."""

from accounts.pages import LinkView
from chat import services, unsubscribing
from chat.unsubscribing import Wish


class UnsubscribeView(LinkView):
    """Ends the mail about all messages, or about those of one conversation."""

    template = "chat/mail/unsubscribe.html"

    def read(self, token: str) -> Wish:
        return unsubscribing.read(token)

    def do(self, asked: Wish) -> None:
        services.stop_mail(user_id=asked.user_id, conversation_id=asked.conversation_id)
