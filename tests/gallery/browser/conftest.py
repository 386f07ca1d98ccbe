"""Media that a browser can play."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Clips
from tests.gallery.shared_media import POSTER_HASH, share

VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")


@pytest.fixture
def poster(library: Path, clips: Clips) -> Path:
    """The picture that all shared media name as theirs."""
    drawn = clips.run("poster.webp", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=1:duration=1", "-frames:v", "1")
    target = library.parent / "thumbnails" / "ab" / "12" / f"{POSTER_HASH}.webp"
    target.parent.mkdir(parents=True)
    shutil.copy(drawn, target)
    return target


@pytest.fixture
def share_clip(library: Path, poster: Path) -> Callable[..., int]:
    """Publish a clip as a file of the library; returns its id."""

    def share_clip(clip: Path, title: str = "Harbour", **columns: Any) -> int:
        shutil.copy(clip, library / clip.name)
        return share(title, path=clip.name, filename=clip.name, **columns)

    return share_clip


@pytest.fixture(scope="session")
def webm(clips: Clips) -> Path:
    """Four seconds of VP9, which every Chromium plays."""
    return clips.make(name="harbour.webm", codec=VP9, duration=4.0)


@pytest.fixture(scope="session")
def long_webm(clips: Clips) -> Path:
    """Twelve seconds, enough to leave and come back."""
    return clips.make(name="crossing.webm", codec=VP9, duration=12.0, size="160x90", rate="10", extra=("-g", "10"))
