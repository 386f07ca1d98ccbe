"""What dead workers leave: jobs without a master, their memory, their unfinished files, their own rows."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from jobs import claims, nodes, outputs
from jobs.fetching import partials
from media_library.store import sweep_drafts

REAPER_LOCK = 0x6A6F6273_01  # the name of the advisory lock: one reaper at a time is enough

logger = logging.getLogger(__name__)


def reap() -> int:
    """Give back what belongs to nobody any more; returns how many jobs were taken back. Any worker may, and one at a time does."""
    with transaction.atomic():
        if not _is_ours():
            return 0
        nodes.sweep_workers()
    abandoned = claims.take_back_expired()  # each in a transaction of its own: whoever ends a job waits for none but that one
    outputs.sweep()
    partials.sweep()
    try:
        sweep_drafts(Path(settings.THUMBNAIL_ROOT))
    except OSError as error:
        logger.warning("unfinished pictures of dead processes could not be removed: %s", error)
    return len(abandoned)


def _is_ours() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [REAPER_LOCK])
        return bool(cursor.fetchone()[0])
