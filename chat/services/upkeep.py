"""Files that nobody needs any more."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import PurePosixPath
from uuid import UUID

from django.core.files.storage import Storage
from django.db import transaction

from chat.models import Attachment

BATCH = 200


def clear_unsent(*, before: datetime, is_trial: bool = False) -> Iterator[int]:
    """Remove uploads of before that moment which are in no message; yields how many, batch by batch."""
    last: UUID | None = None
    while found := _unsent(before, last):
        last = found[-1]
        yield len(found) if is_trial else _delete(found)


def _unsent(before: datetime, after: UUID | None) -> list[UUID]:
    rows = Attachment.objects.filter(message=None, created_at__lt=before).order_by("pk")
    return list((rows if after is None else rows.filter(pk__gt=after)).values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _delete(ids: list[UUID]) -> int:
    # Once more, under the lock: one of them may have been sent meanwhile.
    rows = list(Attachment.objects.select_for_update().filter(pk__in=ids, message=None).order_by("pk"))
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def clear_orphans(*, before: datetime, is_trial: bool = False) -> Iterator[int]:
    """Remove stored files of before that moment which no row knows; yields how many, batch by batch."""
    for name in ("file", "thumbnail"):
        field = Attachment._meta.get_field(name)
        folder = PurePosixPath(str(field.upload_to)).parts[0]  # type: ignore[union-attr]
        paths = _walk(field.storage, folder)  # type: ignore[union-attr]
        while batch := list(islice(paths, BATCH)):
            orphans = [path for path in _orphans(batch) if _is_older(field.storage, path, before)]  # type: ignore[union-attr]
            if not is_trial:
                for path in orphans:
                    field.storage.delete(path)  # type: ignore[union-attr]
            yield len(orphans)


def _walk(storage: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}" for file in files)
    for inner in folders:
        yield from _walk(storage, f"{folder}/{inner}")


def _orphans(paths: list[str]) -> list[str]:
    owners = {path: _owner(path) for path in paths}
    rows = Attachment.objects.filter(pk__in=[owner for owner in owners.values() if owner is not None])
    known = {name for names in rows.values_list("file", "thumbnail") for name in names}
    return [path for path in paths if path not in known]


def _owner(path: str) -> UUID | None:
    """The id that the name begins with."""
    with suppress(ValueError):
        return UUID(path.rpartition("/")[2].partition("-")[0])
    return None


def _is_older(storage: Storage, path: str, moment: datetime) -> bool:
    """Not of an upload whose row is about to be written."""
    with suppress(FileNotFoundError):
        return storage.get_modified_time(path) < moment
    return False
