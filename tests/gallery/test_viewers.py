"""Whether somebody watches at the moment."""

from __future__ import annotations

import time

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from config.redis import client as redis
from gallery import viewers


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "_noted_at", float("-inf"))
    redis().delete(viewers.KEY)


@pytest.mark.django_db
def test_whoever_asks_for_a_public_video_watches(client: Client) -> None:
    client.get("/api/media/public/1/stream")
    assert not viewers.somebody_watches()  # there is no such video

    viewers.note_viewer()

    assert viewers.somebody_watches()


def test_a_viewer_who_asks_for_no_more_has_gone(settings: Settings) -> None:
    settings.VIEWERS_SECONDS = 0.05
    viewers.note_viewer()

    deadline = time.monotonic() + 30
    while viewers.somebody_watches() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not viewers.somebody_watches()


def test_nothing_fails_without_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis.cache_clear()
    try:
        viewers.note_viewer()
        assert not viewers.somebody_watches()
    finally:
        redis.cache_clear()
