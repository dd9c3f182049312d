"""What clients tell of uploads that are under way."""

from typing import Annotated
from uuid import UUID

from django.conf import settings
from msgspec import Meta

from chat.events import UploadProgress
from chat.rooms import ConversationRoom
from chat.selectors import parted_from, require_member
from realtime.commands import Payload, command
from realtime.errors import ClientError
from realtime.limits import limits
from realtime.publishing import Push, publish
from realtime.sessions import Session

Bytes = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # what JavaScript can count


class ReportProgress(Payload):
    """How far an upload is; `upload_id` is the client's own name for it."""

    upload_id: Annotated[str, Meta(min_length=1, max_length=64)]
    conversation_id: UUID
    loaded: Bytes
    total: Bytes


@command("upload.progress")
def report_progress(session: Session, data: ReportProgress) -> None:
    """Tell the other members. What comes too fast is left out without an error; for the end there is always room."""
    if data.loaded > data.total:
        raise ClientError("INVALID_PAYLOAD", "`loaded` is at most `total`.")
    is_last = data.loaded == data.total
    user_id = session.user.id
    if limits().hit_sync(settings.CHAT_PROGRESS_RATE, "upload.progress", user_id, "last" if is_last else "part"):
        return
    require_member(user_id, data.conversation_id)
    event = UploadProgress(
        upload_id=data.upload_id,
        conversation_id=str(data.conversation_id),
        user_id=user_id,
        loaded=data.loaded,
        total=data.total,
    )
    silent = {user_id, *parted_from(user_id, data.conversation_id)}
    publish(Push(ConversationRoom(data.conversation_id), event, exclude=silent))
