"""Single pictures of a video."""

from __future__ import annotations

from pathlib import Path

from media_library.ffmpeg.commands.inputs import SCALER, Source, arguments, open_source, url_of

THUMBNAIL_SIDE = 112  # pixels of the longer side
THUMBNAIL_QUALITY = 8  # of JPEG, 2 to 31; less is better


def thumbnail(moment: Source, target: Path) -> list[str]:
    """The picture at the in point, very small, as a JPEG."""
    probe = moment.probe
    scale = min(1.0, THUMBNAIL_SIDE / max(probe.width, probe.height))
    width, height = max(2, round(probe.width * scale)), max(2, round(probe.height * scale))
    picture = moment.pictures(open_source(moment)).filter("scale", width, height, flags=SCALER, out_range="pc").filter("format", "yuvj420p")
    return arguments(picture.output(url_of(target), format="image2", update=1, **{"frames:v": 1, "q:v": THUMBNAIL_QUALITY}))
