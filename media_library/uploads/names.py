"""What an uploaded file may be called in the inbox."""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import unquote

from media_library.ffmpeg.probe import clean_text
from media_library.relocation import LONGEST_NAME
from media_library.scanner.walk import EXTENSIONS, is_video_name
from media_library.uploads.errors import BadName

LONGEST_SENT = 1024  # characters
KINDS = ", ".join(extension.removeprefix(".") for extension in EXTENSIONS)


def inbox_name(sent: str) -> str:
    """The name that a file of that name gets: no control characters, not hidden, at most 255 bytes.

    Raises `BadName` for one that would lead elsewhere, or that no video has.
    """
    if len(sent) > LONGEST_SENT or any(leads_away in text for text in (sent, unquote(sent)) for leads_away in ("/", "\\", "\0")):
        raise BadName("The name of the file must be a name alone, without a folder")
    name = PurePath(clean_text(sent, longest=LONGEST_SENT).strip(" ."))
    if not is_video_name(name.name):
        raise BadName(f"The name of the file must end in one of {KINDS}")
    stem = name.stem.rstrip(" .").encode(errors="ignore")[: LONGEST_NAME - len(name.suffix)].decode(errors="ignore")
    return f"{stem or 'video'}{name.suffix}"
