"""The library's pages of the admin, one module per model."""

from media_library.admin.scan_reports import ScanReportAdmin
from media_library.admin.videos import VideoAdmin

__all__ = ["ScanReportAdmin", "VideoAdmin"]
