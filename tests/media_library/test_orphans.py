"""The thumbnail store is rid of what no row names, and of nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from media_library.models import Digest, Preview, Video
from media_library.orphans import Swept, sweep
from media_library.store import put, put_as

pytestmark = pytest.mark.django_db

A_DAY_AGO = 25 * 3600


def grow_old(store: Path) -> None:
    then = time.time() - A_DAY_AGO
    for path in store.rglob("*"):
        os.utime(path, (then, then))


def files(store: Path) -> set[str]:
    return {path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()}


@pytest.fixture
def store(library: Path, settings: Settings) -> Path:
    return Path(settings.THUMBNAIL_ROOT)


@pytest.fixture
def named(store: Path) -> set[str]:
    """Files that rows name, each in its column, and the smaller pictures of a poster; a sprite is called as such a picture would be."""
    video = Video.objects.create(pk=320, path="a.mp4", filename="a.mp4")
    digest = "ab" * 32
    poster = f"ab/ab/{digest}.webp"
    smaller = {f"ab/ab/{digest}-{side}.webp" for side in (320, 480)}
    for path in (poster, *smaller):
        put(path.encode(), path, store=store)
    sprite, hover, sheet = (put_as(name, name.encode(), store=store) for name in ("320.webp", "320.mp4", "480.webp"))
    Video.objects.update(thumbnail_path=poster)
    Preview.objects.create(video=video, sprite_path=sprite, hover_path=hover, source_size=1, source_mtime_ns=1)
    Digest.objects.create(video=video, sheet_path=sheet, source_size=1, source_mtime_ns=1, duration=1.0)
    return {poster, *smaller, sprite, hover, sheet}


def test_what_no_row_names_goes_after_a_day_and_all_else_stays(store: Path, named: set[str]) -> None:
    left = [put_as("7.mp4", b"left by a killed worker", store=store), put_as("7.webp", b"and this", store=store)]
    strangers = {"README.txt", "ab/ab/notes.webp", f"cd/cd/{'ab' * 32}.webp"}
    for path in strangers:
        put(b"somebody's", path, store=store)
    grow_old(store)
    young = put_as("8.mp4", b"about to be named", store=store)
    before = files(store)

    would = sweep(store, dry_run=True)
    assert files(store) == before
    done = sweep(store, dry_run=False)

    assert would == done == Swept(2, len(b"left by a killed worker" + b"and this"))
    assert files(store) == before - set(left) == named | strangers | {young}


def test_smaller_pictures_go_with_their_poster(store: Path, named: set[str]) -> None:
    Video.objects.update(thumbnail_path=put_as("1.webp", b"another poster", store=store))
    grow_old(store)

    assert sweep(store, dry_run=False).files == 3


def test_what_is_put_again_is_young(store: Path, named: set[str]) -> None:
    put_as("7.webp", b"made again", store=store)
    grow_old(store)
    again = put_as("7.webp", b"made again", store=store)

    sweep(store, dry_run=False)

    assert again in files(store)


def test_another_library_s_store_is_left_alone(store: Path, named: set[str]) -> None:
    Video.objects.all().delete()
    grow_old(store)

    with pytest.raises(CommandError, match="another library's store"):
        call_command("sweep_thumbnails")

    assert files(store) == named
