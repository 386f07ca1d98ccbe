"""A small gallery with everything in it, and the three roles that ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.tokens import AccessToken

from gallery import services
from media_library.models import Video
from tests.gallery import rows

NO_LIMIT = 10**9
LOCKED, UNPUBLISHED, WITH_A_FILE, OPEN = 1, 2, 3, 4  # ids; the others up to `MOST_VIDEOS` are like the last
MOST_VIDEOS = 6
CONTENT = bytes(range(256)) * 16


@dataclass(frozen=True)
class Role:
    """Somebody who asks, and what they send with every request."""

    name: str
    headers: dict[str, str]


@pytest.fixture
def roles(gallery_of_six: None) -> list[Role]:
    """A visitor, a user and a media admin."""
    return [Role("visitor", {}), _signed_in("USER"), _signed_in("MEDIA_ADMIN")]


@pytest.fixture
def gallery_of_six(db: None, library: Path) -> None:
    """Videos 1 to 6: one locked, one not published, one whose file is there."""
    editor = User.objects.create_superuser("editor")
    ids = range(1, MOST_VIDEOS + 1)
    for id in ids:
        rows.video(id=id)
    rows.with_file(Video.objects.get(pk=WITH_A_FILE), CONTENT)
    services.publish([id for id in ids if id != UNPUBLISHED], category="clips", by=editor)
    services.lock([LOCKED], reason="", by=editor)


@pytest.fixture
def library(tmp_path: Path, settings: Settings) -> Path:
    """An empty library and thumbnail store of this test's own."""
    root, thumbnails = tmp_path / "library", tmp_path / "thumbnails"
    root.mkdir()
    thumbnails.mkdir()
    settings.LIBRARY_ROOT, settings.THUMBNAIL_ROOT = root, thumbnails
    return root


@pytest.fixture
def no_limits(settings: Settings) -> None:
    """Thousands of requests come from one address here; the limits have tests of their own."""
    settings.SIGN_INS_PER_MINUTE = NO_LIMIT
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = NO_LIMIT
    settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = NO_LIMIT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in terminalreporter.stats.values() for report in kind if getattr(report, "when", "") == "teardown"]
    made = sum(int(number) for report in reports for name, number in report.user_properties if name == "requests")
    if made:
        terminalreporter.write_line(f"{made:,} fuzzed requests")


def _signed_in(role: str) -> Role:
    user = User.objects.create_user(role.lower())
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return Role(role, {"Authorization": f"Bearer {AccessToken.for_user(user)}"})
