"""The only writers of what the gallery shows: publish, lock, hide, move between categories.

Every verb takes a list of video ids (one id is a list of one), changes all of them in a handful of statements
and answers with an `Outcome`. `by` is the admin who asked, or None for the product itself; whatever an admin
does is written to Django's admin log with its reason.
"""

from gallery.services.categories import CATEGORY, InvalidCategory, clean_category, is_category, move_to_category, rename_category
from gallery.services.changes import MEDIA_NOT_FOUND
from gallery.services.comments import (
    COMMENT_NOT_FOUND,
    AlreadyWritten,
    NotTheAuthor,
    OutsideTheVideo,
    approve_comments,
    authors_of,
    hold_comments,
    post_comment,
    remove_all_by_authors_of,
    remove_comments,
    withdraw_comment,
)
from gallery.services.locking import lock, unlock
from gallery.services.publishing import publish, refresh, unpublish
from gallery.services.validity import mark_invalid, restore, trash
from media_library.services import VIDEO_NOT_FOUND

__all__ = [
    "CATEGORY",
    "COMMENT_NOT_FOUND",
    "MEDIA_NOT_FOUND",
    "VIDEO_NOT_FOUND",
    "AlreadyWritten",
    "InvalidCategory",
    "NotTheAuthor",
    "OutsideTheVideo",
    "approve_comments",
    "authors_of",
    "clean_category",
    "hold_comments",
    "is_category",
    "lock",
    "mark_invalid",
    "move_to_category",
    "post_comment",
    "publish",
    "refresh",
    "remove_all_by_authors_of",
    "remove_comments",
    "rename_category",
    "restore",
    "trash",
    "unlock",
    "unpublish",
    "withdraw_comment",
]
