"""Every job type: one module each, which writes itself into the registry. This list is the table of contents."""

from jobs.handlers import (
    clip_extract_only,
    clip_generate,
    compilation,
    compile_layouts,
    compile_random,
    generate_gif,
    generate_previews,
    hash_videos,
    organize,
    organize_studio,
    public_scan,
    reconcile_counters,
    reencode_streaming,
    scan,
    validate,
)

__all__ = [
    "clip_extract_only",
    "clip_generate",
    "compilation",
    "compile_layouts",
    "compile_random",
    "generate_gif",
    "generate_previews",
    "hash_videos",
    "organize",
    "organize_studio",
    "public_scan",
    "reconcile_counters",
    "reencode_streaming",
    "scan",
    "validate",
]
