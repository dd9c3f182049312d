"""Emojis under messages."""

import re
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from chat.models import Message, Reaction
from chat.services.locking import lock_message

Id = UUID | str

MAX_LENGTH: Final = 64  # of the column
LETTER: Final = "[\U0001f1e6-\U0001f1ff]"  # two of them are a flag
PICTURE: Final = "[©®‼⁉™\u2139←-⇿⌀-⏿Ⓜ■-⟿⤴⤵⬀-⯿〰〽㊗㊙\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
# How it is shown, its skin, and the tags of the flags of England and the like.
SHADE: Final = "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]{0,8}"
EMOJI: Final = re.compile(
    f"{LETTER}{{2}}|{PICTURE}{SHADE}(?:\u200d{PICTURE}{SHADE}){{0,6}}|[0-9#*]\ufe0f?\u20e3|[+-]1|:[a-z0-9_+-]{{1,30}}:"
)


@transaction.atomic
def add_reaction(*, user_id: Id, message_id: Id, emoji: str) -> Reaction:
    """Put an emoji under a message that one may see; again, the same reaction comes back."""
    _check(emoji)
    message = lock_message(message_id, user_id)
    if known := message.reactions.filter(user_id=user_id, emoji=emoji).first():
        return known
    _require_room(message, emoji)
    return Reaction.objects.create(message=message, user_id=user_id, emoji=emoji)


@transaction.atomic
def remove_reaction(*, user_id: Id, message_id: Id, emoji: str) -> None:
    """Take one's emoji away; nothing happens if there is none."""
    _check(emoji)
    message = lock_message(message_id, user_id)
    message.reactions.filter(user_id=user_id, emoji=emoji).delete()


def _check(emoji: str) -> None:
    if len(emoji) > MAX_LENGTH or not EMOJI.fullmatch(emoji):
        raise ValidationError({"emoji": "A reaction is one emoji, or the name of one between colons."})


def _require_room(message: Message, emoji: str) -> None:
    others = message.reactions.exclude(emoji=emoji).order_by().values("emoji").distinct().count()
    if others >= settings.CHAT_MAX_REACTIONS:
        raise ValidationError({"emoji": f"A message has at most {settings.CHAT_MAX_REACTIONS} different emojis."})
