"""The only writers of what the gallery shows: publish, lock, hide, move between categories.

Every verb takes a list of video ids (one id is a list of one), changes all of them in a handful of statements
and answers with an `Outcome`. `by` is the admin who asked, or None for the product itself; whatever an admin
does is written to Django's admin log with its reason.
"""

from gallery.services.categories import InvalidCategory, clean_category, move_to_category, rename_category
from gallery.services.changes import MEDIA_NOT_FOUND
from gallery.services.locking import lock, unlock
from gallery.services.publishing import publish, refresh, unpublish
from gallery.services.validity import mark_invalid, restore, trash
from media_library.services import VIDEO_NOT_FOUND

__all__ = [
    "MEDIA_NOT_FOUND",
    "VIDEO_NOT_FOUND",
    "InvalidCategory",
    "clean_category",
    "lock",
    "mark_invalid",
    "move_to_category",
    "publish",
    "refresh",
    "rename_category",
    "restore",
    "trash",
    "unlock",
    "unpublish",
]
