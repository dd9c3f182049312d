"""What is told of uploads that are under way."""

from realtime.events import DROPPABLE, Event


class UploadProgress(Event, wire="upload.progress", policy=DROPPABLE):
    """Somebody is about to send a file. `uploadId` is their own name for it; sizes are bytes."""

    upload_id: str
    conversation_id: str
    user_id: str
    loaded: int
    total: int
