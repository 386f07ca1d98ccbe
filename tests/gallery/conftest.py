"""What tests of the gallery share."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django.fixtures import Settings

from config import redis


@pytest.fixture
def editor(db: None) -> User:
    """An admin of the library."""
    return User.objects.create_superuser("editor", password="correct horse battery")


@pytest.fixture
def library(settings: Settings, tmp_path: Path) -> Path:
    """An empty library and thumbnail store of this test's own."""
    root, thumbnails = tmp_path / "library", tmp_path / "thumbnails"
    root.mkdir()
    thumbnails.mkdir()
    settings.LIBRARY_ROOT, settings.THUMBNAIL_ROOT = root, thumbnails
    return root


@pytest.fixture(autouse=True)
def no_visitors_of_other_tests() -> None:
    """Ids come again in the next test, and Redis does not roll back; a neighbour under xdist has another database."""
    client = redis.client()
    if keys := client.keys(f"{{views of {connection.settings_dict['NAME']}}}:*"):
        client.delete(*keys)
