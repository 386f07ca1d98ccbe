"""An upload is announced: its name, its length, and room for it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from media_library.models import Upload
from media_library.uploads.errors import TooLarge
from media_library.uploads.names import inbox_name
from media_library.uploads.parts import require_library, require_room, storage
from media_library.uploads.querysets import forgotten_at

GIB = 2**30  # bytes
ONE_AT_A_TIME = 7_402_118  # advisory lock: two uploads are not promised the same room


def largest() -> int:
    """Bytes."""
    return int(settings.MAX_UPLOAD_SIZE_GB * GIB)


def require_size(length: int) -> None:
    if length > largest():
        raise TooLarge(f"An upload may have {settings.MAX_UPLOAD_SIZE_GB:g} GiB at most")


@transaction.atomic
def create(filename: str, *, length: int, by: User | None, metadata: str = "") -> Upload:
    """Promise room for a file of `length` bytes, beside what other uploads were promised.

    Raises `BadName`, `TooLarge`, `NoRoom` or `StorageAway`.
    """
    require_size(length)
    name = inbox_name(filename)
    require_library()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
    with storage():
        require_room(Upload.objects.bytes_to_come() + length)
    upload = Upload.objects.create(filename=name, length=length, metadata=metadata, uploaded_by=by, expires_at=forgotten_at())
    upload.refresh_from_db()
    return upload
