"""The gallery's pages of the admin."""

from gallery.admin.comments import CommentAdmin
from gallery.admin.drift_reports import DriftReportAdmin
from gallery.admin.public_media import PublicMediaAdmin
from gallery.admin.watched_words import WatchedWordAdmin

__all__ = ["CommentAdmin", "DriftReportAdmin", "PublicMediaAdmin", "WatchedWordAdmin"]
