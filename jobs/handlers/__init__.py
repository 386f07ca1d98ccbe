"""Every job type: one module each, which writes itself into the registry. This list is the table of contents."""

from jobs.handlers import generate_gif, hash_videos, public_scan, reconcile_counters, scan

__all__ = ["generate_gif", "hash_videos", "public_scan", "reconcile_counters", "scan"]
