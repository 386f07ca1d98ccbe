"""What an HLS playlist names and promises, so that a folder of segments can be checked against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

HEADER = "#EXTM3U"
_URI = re.compile(r'\bURI="([^"]*)"')
_LENGTH = re.compile(r"#EXTINF:([0-9.]+)")


@dataclass(frozen=True)
class Playlist:
    """A playlist of segments, or one of other playlists. Paths are relative to the folder that all of them lie below."""

    is_complete: bool  # it has its header, and of segments its end
    names: tuple[PurePosixPath, ...]  # all files
    first: tuple[PurePosixPath, ...]  # what a player reads first: the header of the segments, and a segment; () of playlists
    sound: tuple[PurePosixPath, ...]  # of those named, playlists without pictures
    duration: float  # seconds; 0 of playlists


def read_playlist(text: str, *, place: PurePosixPath) -> Playlist:
    """Read the playlist that lies at `place`."""
    lines = [line.strip() for line in text.splitlines()]
    has_header = lines[:1] == [HEADER]
    entries = [place.parent / unquote(line) for line in lines if line and not line.startswith("#")]
    tags = {line: place.parent / unquote(found[1]) for line in lines if line.startswith("#") and (found := _URI.search(line))}
    if any(line.startswith("#EXT-X-STREAM-INF") for line in lines):
        sound = tuple(path for tag, path in tags.items() if tag.startswith("#EXT-X-MEDIA:"))
        return Playlist(has_header, (*tags.values(), *entries), (), sound, 0.0)
    maps = [path for tag, path in tags.items() if tag.startswith("#EXT-X-MAP:")]
    duration = sum(float(found[1]) for line in lines if (found := _LENGTH.match(line)))
    first = tuple(dict.fromkeys([*maps[:1], *entries[:1]]))
    return Playlist(has_header and "#EXT-X-ENDLIST" in lines, (*tags.values(), *entries), first, (), duration)
