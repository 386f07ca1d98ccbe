"""What a file's place and name tell of it: directory type, producer, a title that reads well."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from django.utils.text import slugify

from media_library.ffmpeg.probe import clean_text
from media_library.models import DirectoryType, Video
from media_library.paths import decode_path, encode_path, shown
from media_library.relocation import LONGEST_NAME

LONGEST_TITLE = 200  # characters
LONGEST_SLUG, LONGEST_FOLDER = 80, 120  # bytes
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_NO_FOLDER = re.compile(r"[\s/\\:*?\"<>|\x00-\x1f]+")  # what a file system of any kind refuses
_NOISE = re.compile(
    r"""(?<![a-z0-9])(?:
        (?:2160|1440|1080|720|576|540|480|360|240)[pi](?:\d{2})? | [48]k | u?hd | full\ ?hd | hdr(?:10)?\+? | sdr
        | \d{3,4}x\d{3,4} | (?:23\.976|24|25|29\.97|30|48|50|59\.94|60)\ ?fps
        | [xh]\ ?\.?26[45] | hevc | avc | av1 | vp9 | xvid | divx | 10\ ?bit | 8\ ?bit
        | aac(?:2\ 0)? | ac3 | dts | ddp?5\ ?1 | flac | mp3
        | web\ ?-?(?:dl|rip) | blu\ ?ray | b[dr]rip | dvd(?:rip)? | hdtv | remux
    )(?![a-z0-9])""",
    re.IGNORECASE | re.VERBOSE,
)
_BRACKETS = re.compile(r"[\[({]\s*[\])}]|\[[^\]]*\]")  # empty once the noise is out, or a release group's
_YOUTUBE_ID = re.compile(r"\[[A-Za-z0-9_-]{11}\]$")
_CAMERA = re.compile(
    r"(?:IMG|VID|MVI|MOV|DSC[NF]?|PXL|GOPR|GH\d\d|GX\d\d|DJI|MAH|CIMG|P)[_-]?(?:E|WA)?\d[\w-]*|\d{8}[_-]\d{6}\w*", re.IGNORECASE
)


@dataclass(frozen=True)
class Names:
    """What we call a video; None where nothing tells."""

    title: str | None
    producer: str | None
    creator: str | None


def names_of(path: PurePath, tags: dict[str, str]) -> Names:
    """The container's tags first, else the path: `studios/<producer>/…`, and the file's name made readable."""
    return Names(
        title=tags.get("title") or readable_title(path.name),
        producer=_first(tags, "producer", "studio", "publisher") or _producer_of(path),
        creator=_first(tags, "creator", "artist", "author", "album_artist"),
    )


def directory_type_of(path: PurePath) -> DirectoryType | None:
    """By the first folder under the root; None in `public/<category>/`, whose files are published from there."""
    folders = path.parts[:-1]
    if len(folders) >= 2 and folders[0] == "public":
        return None
    return DirectoryType(folders[0]) if folders and folders[0] in DirectoryType.values else DirectoryType.VIDEOS


def derived_path(source: Video, folder: DirectoryType, tail: str) -> Path:
    """Where what is made from a video goes: named after its file, `tail` at the end; what comes of a private one stays private."""
    place = Path(folder)
    if source.directory_type == DirectoryType.PRIVATE:
        place = Path(DirectoryType.PRIVATE) / place
    stem = source.absolute_path.stem.lstrip(".") or "video"
    return place / (os.fsencode(stem)[: LONGEST_NAME - len(tail)].decode(errors="ignore") + tail)


def readable_title(filename: str) -> str | None:
    """`The.Long_Road-1080p.x264.mp4` as `The Long Road`; names that cameras give stay as they are."""
    stem = clean_text(shown(encode_path(PurePath(filename).stem)), longest=LONGEST_TITLE)
    if _CAMERA.fullmatch(stem):
        return stem
    text = " ".join(_BRACKETS.sub(" ", _NOISE.sub(" ", _with_spaces(_YOUTUBE_ID.sub("", stem)))).split()).strip(" .-–")
    if not text:
        return stem or None
    return text[0].upper() + text[1:]


def standard_name(video: Video) -> str:
    """`<producer>_<title-slug>_<quality>_<id>.<ext>`, without what nobody knows; at most 255 bytes, whatever the video is called."""
    known = (video.producer, video.title or readable_title(decode_path(video.filename).name), video.quality)
    parts = [slug for text in known if text and (slug := slug_of(text))]
    suffix = decode_path(video.filename).suffix.lower()
    return f"{'_'.join([*parts, str(video.pk)])}{suffix if _SUFFIX.fullmatch(suffix) else ''}"


def slug_of(text: str) -> str:
    """Lower-case letters and digits of any script, hyphens for the rest; at most 80 bytes."""
    return _cut(slugify(text, allow_unicode=True), LONGEST_SLUG).strip("-_").replace("_", "-")


def folder_name(text: str) -> str:
    """A name as that of a folder that reads alike: `Acme Films` as `Acme_Films`; empty where nothing is left of it."""
    return _cut(_NO_FOLDER.sub("_", clean_text(text)), LONGEST_FOLDER).strip("._ ")


def _cut(text: str, longest: int) -> str:
    """At most so many bytes, and no half character."""
    return text.encode(errors="ignore")[:longest].decode(errors="ignore")


def _with_spaces(stem: str) -> str:
    """Where a name has no spaces, what stands for them: underscores and dots, else hyphens."""
    text = stem.replace("_", " ")
    if " " not in stem.strip():
        text = text.replace(".", " ")
    return text if " " in text.strip() else text.replace("-", " ")


def _producer_of(path: PurePath) -> str | None:
    if len(path.parts) >= 3 and path.parts[0] == DirectoryType.STUDIOS:
        return clean_text(path.parts[1].replace("_", " ")) or None
    return None


def _first(tags: dict[str, str], *names: str) -> str | None:
    return next((tags[name] for name in names if name in tags), None)
