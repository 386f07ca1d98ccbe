"""What the names of files and folders say about a video."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

HASHTAG_SCORE, KNOWN_SCORE, FOLDER_SCORE = 0.9, 0.8, 0.6
LONGEST_PHRASE = 3  # words of a name that are taken together
MOST_PHRASES = 60
LONGEST_FOLDER = 40  # characters of a folder's name that is taken for a tag
LEAST_LETTERS = 3
_NOTHING = """
    dcim camera phone iphone android videos video movies movie clips clip footage raw export exports output final new folder untitled misc
    other temp tmp download downloads upload uploads backup import incoming unsorted old media files the and for with from
"""
NOTHING_SAID = frozenset(_NOTHING.split())
_HASHTAG = re.compile(r"#(\w[\w-]*)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BY_A_CAMERA = re.compile(r"\d{3}[A-Z0-9_]{5}|(?:IMG|VID|MVI|DSC|DSCN|GOPR|GX|DJI|PXL|MOV)[_-]?\d+.*", re.IGNORECASE)


def spoken(path: str, *, places: Mapping[str, int]) -> dict[str, float]:
    """Tags that the path says outright, with scores: its hashtags, and folders that bear a name.

    `places`: under which folders at the top how many say where the library keeps a file, and not what it shows.
    """
    *folders, filename = PurePosixPath(path).parts
    of_the_library = places.get(folders[0], 0) if folders else 0
    named = [tag for folder in folders[of_the_library:] if (tag := _tag_of(folder))]
    hashtags = [tag.lower() for part in (*folders, PurePosixPath(filename).stem) for tag in _HASHTAG.findall(part)]
    return dict.fromkeys(named, FOLDER_SCORE) | dict.fromkeys(hashtags, HASHTAG_SCORE)


def phrases(path: str) -> list[str]:
    """Words of the file's name, and those beside each other: what may be a tag that is known."""
    words = _WORD.findall(PurePosixPath(path).stem)
    lengths = range(LONGEST_PHRASE, 0, -1)
    together = (" ".join(words[start : start + length]) for length in lengths for start in range(len(words) - length + 1))
    return list(dict.fromkeys(phrase for phrase in together if _says_something(phrase)))[:MOST_PHRASES]


def spellings(phrase: str) -> list[str]:
    """How a tag may be written that a name means: cases, and one of many."""
    singular = [phrase[:-1]] if phrase.lower().endswith("s") and not phrase.lower().endswith("ss") else []
    return list(dict.fromkeys(case for form in (phrase, *singular) for case in (form, form.lower(), form.capitalize(), form.title())))


def known(path: str, *, tags: Collection[str]) -> dict[str, float]:
    """Those of `tags` that the file's name holds, with their score."""
    return {tag: KNOWN_SCORE for phrase in phrases(path) for tag in spellings(phrase) if tag in tags}


def _tag_of(folder: str) -> str | None:
    words = _WORD.findall(_HASHTAG.sub("", folder))
    says = len(folder) <= LONGEST_FOLDER and not _BY_A_CAMERA.fullmatch(folder) and any(map(_says_something, words))
    return " ".join(words).lower() if says else None


def _says_something(words: str) -> bool:
    letters = sum(character.isalpha() for character in words)
    return letters >= LEAST_LETTERS and not set(words.lower().split()) <= NOTHING_SAID
