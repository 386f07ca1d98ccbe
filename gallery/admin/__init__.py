"""The gallery's pages of the admin."""

from gallery.admin.public_media import PublicMediaAdmin

__all__ = ["PublicMediaAdmin"]
