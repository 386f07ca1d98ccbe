"""What crashes, cuts and people who never come back leave of uploads is put right."""

from __future__ import annotations

import logging
import uuid

from django.db.models import F

from media_library.models import Upload
from media_library.scanner.roots import library_is_there
from media_library.uploads.errors import EXPIRED, UploadGone, UploadNotFound, UploadProblem, WrongUploadState
from media_library.uploads.finishing import Scan, finish
from media_library.uploads.parts import forgotten_parts, part_size, remove_part, require_library, storage

logger = logging.getLogger(__name__)


def healed(upload_id: int, *, scan: Scan) -> Upload:
    """The upload as it stands: at what is really there of it, and finished where all of it is.

    Raises `UploadNotFound`, `UploadGone`, or what `finish` raises.
    """
    upload = Upload.objects.filter(pk=upload_id).first()
    if upload is None:
        raise UploadNotFound
    if upload.status == Upload.Status.RECEIVING and not Upload.objects.filter(pk=upload_id).receiving().exists():
        raise UploadGone(EXPIRED)
    idle = Upload.objects.filter(pk=upload_id).receiving().free()
    if upload.path == "" and idle.exists():
        require_library()
        with storage():
            idle.filter(path="", offset=upload.offset, offset__gt=part_size(upload_id)).update(offset=part_size(upload_id))
    if token := _hold_whole(upload):
        return _finish(upload_id, token, scan)
    return Upload.objects.get(pk=upload_id)


def terminate(upload_id: int) -> None:
    """Forget an upload and what has come of it; raises `UploadNotFound`, or `WrongUploadState` when it is in the inbox."""
    this = Upload.objects.filter(pk=upload_id)
    if not this.exists():
        raise UploadNotFound
    if not this.terminate():
        raise WrongUploadState("The upload is finished; its video can be removed from the library")
    with storage():
        remove_part(upload_id)


def sweep(*, scan: Scan) -> None:
    """Finish what is whole, and remove what nobody has gone on with; nothing while the library is away."""
    if not library_is_there():
        return
    for upload in Upload.objects.receiving().free().filter(offset=F("length")):
        try:
            healed(upload.pk, scan=scan)
        except UploadProblem as problem:
            logger.warning("upload %s cannot be finished: %s", upload.pk, problem)
    for upload_id in list(Upload.objects.expired().free().values_list("pk", flat=True)):
        if Upload.objects.expired().free().filter(pk=upload_id).delete()[0]:
            remove_part(upload_id)
    forgotten = set(forgotten_parts())
    for upload_id in forgotten - set(Upload.objects.filter(pk__in=forgotten).values_list("pk", flat=True)):
        remove_part(upload_id)


def _hold_whole(upload: Upload) -> uuid.UUID | None:
    token = uuid.uuid4()
    return token if Upload.objects.filter(pk=upload.pk).hold(token, offset=upload.length) else None


def _finish(upload_id: int, token: uuid.UUID, scan: Scan) -> Upload:
    held = Upload.objects.filter(pk=upload_id).held_by(token)
    try:
        return finish(held, scan=scan)
    finally:
        held.release()
