"""Files: uploaded first, then sent with a message, gone with it."""

from collections.abc import Iterable
from secrets import token_hex
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.models import User
from chat.exceptions import FileTooLarge, QuotaExceeded, TooManyUploads, UploadInUse
from chat.links import file_url, thumbnail_url
from chat.media import clean_name, examine
from chat.models import Attachment, Conversation, Message
from chat.selectors import attachments_of, is_member

Id = UUID | str


def upload(*, uploader_id: Id, file: File[Any], name: str, conversation_id: Id | None = None) -> Attachment:
    """Store a file that its uploader can send with a message, in that conversation alone if one is named.

    In no transaction: the storage may be far away, and nothing waits for it with a lock.
    """
    if file.size > settings.CHAT_MAX_UPLOAD:
        raise FileTooLarge(settings.CHAT_MAX_UPLOAD)
    if not file.size:
        raise ValidationError({"file": "The file is empty."})
    if conversation_id is not None and not is_member(conversation=conversation_id, user=uploader_id):
        raise Conversation.DoesNotExist
    _require_room(uploader_id, file.size)
    content = examine(file)
    attachment = Attachment(
        uploader_id=uploader_id,
        conversation_id=conversation_id,
        name=clean_name(name, content.content_type),
        content_type=content.content_type,
        size=file.size,
        width=content.width,
        height=content.height,
    )
    try:
        _store(attachment, file, content.thumbnail)
        _keep(attachment)
    except BaseException:
        _remove_files(attachment)
        raise
    return attachment


def _store(attachment: Attachment, file: File[Any], thumbnail: bytes | None) -> None:
    # The id tells whose file it is, the rest cannot be guessed.
    name = f"{attachment.pk.hex}-{token_hex(16)}"
    attachment.file.save(name, file, save=False)
    if thumbnail is not None:
        attachment.thumbnail.save(name, ContentFile(thumbnail), save=False)


@transaction.atomic
def _keep(attachment: Attachment) -> None:
    # One at a time, so that none is over the limit. `no_key`: who sends a message meanwhile refers to the same person.
    User.objects.select_for_update(no_key=True).get(pk=attachment.uploader_id)
    _require_room(attachment.uploader_id, attachment.size)
    attachment.save(force_insert=True)


def _require_room(uploader: Id, size: int) -> None:
    own = Attachment.objects.filter(uploader__pk=uploader)
    if own.filter(message=None).count() >= settings.CHAT_MAX_UNSENT:
        raise TooManyUploads(settings.CHAT_MAX_UNSENT)
    quota = settings.CHAT_UPLOAD_QUOTA
    if quota and size + own.aggregate(total=Sum("size", default=0))["total"] > quota:
        raise QuotaExceeded(quota)


def describe(attachment: Attachment) -> dict[str, Any]:
    """An attachment as messages hold it; what it has not is left out."""
    told = {
        "id": str(attachment.pk),
        "url": file_url(attachment.pk),
        "type": attachment.content_type,
        "name": attachment.name,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "thumbnailUrl": thumbnail_url(attachment.pk) if attachment.thumbnail else None,
    }
    return {name: value for name, value in told.items() if value is not None}


@transaction.atomic
def claim(*, uploader_id: Id, conversation: Conversation, ids: Iterable[Id]) -> list[dict[str, Any]]:
    """One's own unused uploads as a message holds them, locked until it is written; `bind` makes them its own."""
    wanted = [_id(given) for given in ids]
    if len(set(wanted)) != len(wanted):
        raise ValidationError({"attachments": "A file can be attached once."})
    here = Q(conversation=None) | Q(conversation=conversation)
    unused = Attachment.objects.filter(here, uploader__pk=uploader_id, message=None)
    found = {row.pk: row for row in unused.select_for_update().filter(pk__in=wanted).order_by("pk")}
    if missing := [str(pk) for pk in wanted if pk not in found]:
        raise ValidationError({"attachments": f"There is no unused upload of yours: {', '.join(missing)}."})
    return [describe(found[pk]) for pk in wanted]


def _id(given: Id) -> UUID:
    try:
        return UUID(str(given))
    except ValueError as error:
        raise ValidationError({"attachments": "An attachment is named by the id of an upload."}) from error


@transaction.atomic
def bind(message: Message) -> None:
    """The files that were claimed for a message, which is saved now, are its own."""
    ids = [attachment["id"] for attachment in message.attachments if "id" in attachment]
    unused = Attachment.objects.filter(pk__in=ids, uploader=message.sender_id, message=None)
    if ids and unused.update(message=message, conversation=message.conversation_id) != len(ids):
        raise ValidationError({"attachments": "A file was sent with another message."})


@transaction.atomic
def delete_upload(*, uploader_id: Id, attachment_id: Id) -> None:
    """Take an upload back that was not sent; UploadInUse if it was."""
    attachment = attachments_of(uploader_id).select_for_update().get(pk=attachment_id)
    if str(attachment.uploader_id) != str(uploader_id):
        raise PermissionDenied("Only who uploaded a file may delete it.")
    if attachment.message_id is not None:
        raise UploadInUse
    attachment.delete()


@transaction.atomic
def delete_files(message: Message) -> None:
    """A message that is deleted for all takes its files along."""
    message.files.all().delete()


@transaction.atomic
def delete_files_in(conversation: Conversation) -> None:
    """Those of all messages there, by one query. Only their names are remembered, until the commit."""
    rows = Attachment.objects.filter(message__conversation=conversation)
    for name in ("file", "thumbnail"):
        storage = Attachment._meta.get_field(name).storage  # type: ignore[union-attr]
        for path in rows.exclude(**{name: ""}).order_by().values_list(name, flat=True).iterator():
            _remove_on_commit(storage, path, rows.db)
    rows._raw_delete(rows.db)


@receiver(post_delete, sender=Attachment, dispatch_uid="chat.attachments.files")
def _forget_files(*, instance: Attachment, using: str, **_: object) -> None:
    """However the row went, by a cascade too: its files go after the commit."""
    for file in (instance.file, instance.thumbnail):
        if file.name:
            _remove_on_commit(file.storage, file.name, using)


def _remove_on_commit(storage: Storage, name: str, using: str) -> None:
    # robust: what the storage cannot do now, `clear_attachments` does later. No partial: Django logs a function's name.
    transaction.on_commit(lambda: storage.delete(name), using=using, robust=True)


def _remove_files(attachment: Attachment) -> None:
    for file in (attachment.file, attachment.thumbnail):
        if file.name:
            file.storage.delete(file.name)
