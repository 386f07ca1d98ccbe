"""What tests of the gallery share."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from config import redis


@pytest.fixture
def editor(db: None) -> User:
    """An admin of the library."""
    return User.objects.create_superuser("editor", password="correct horse battery")


@pytest.fixture
def library(settings: Settings, tmp_path: Path) -> Path:
    """An empty library and thumbnail store of this test's own."""
    settings.LIBRARY_ROOT = tmp_path / "library"
    settings.THUMBNAIL_ROOT = tmp_path / "thumbnails"
    settings.LIBRARY_ROOT.mkdir()
    settings.THUMBNAIL_ROOT.mkdir()
    return settings.LIBRARY_ROOT


@pytest.fixture(autouse=True)
def no_views_of_other_tests() -> None:
    """Ids come again in the next test, and Redis does not roll back."""
    client = redis.client()
    if keys := client.keys("{views of test_*"):
        client.delete(*keys)
