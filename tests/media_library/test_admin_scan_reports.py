"""Scan reports, told in words and escaped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from media_library.labels import story
from media_library.models import LibraryRoot, ScanReport

REPORTS = "/admin/media_library/scanreport/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> LibraryRoot:
    return LibraryRoot.objects.create(path="/videos")


def report(root: LibraryRoot, **columns: Any) -> ScanReport:
    started_at = timezone.now() - timedelta(minutes=5)
    defaults = {"status": "completed", "started_at": started_at, "finished_at": started_at + timedelta(seconds=65)}
    return ScanReport.objects.create(root=root, **(defaults | columns))


def test_a_report_tells_what_happened(root: LibraryRoot) -> None:
    told = story(report(root, seen_count=1200, new_count=1, moved_count=3, failed_count=2, files_per_second=41.6))

    assert told == "The scan looked through 1,200 files at 42 files a second. 1 new file, 3 files moved, 2 files failed."


def test_a_quiet_scan_says_that_nothing_had_changed(root: LibraryRoot) -> None:
    assert story(report(root, seen_count=1, unchanged_count=1)) == "The scan looked through 1 file. Nothing had changed."


@pytest.mark.parametrize("status", ScanReport.Status.values)
def test_every_end_of_a_scan_can_be_told(root: LibraryRoot, admin_client: Client, status: str) -> None:
    row = report(root, status=status, reason="<i>The disk</i> is gone", finished_at=None)

    listed = admin_client.get(REPORTS).content.decode()
    page = admin_client.get(f"{REPORTS}{row.pk}/change/").content.decode()

    assert f"badge-{status}" in listed and f"badge-{status}" in page
    assert "&lt;i&gt;The disk&lt;/i&gt; is gone" in page and "<i>The disk" not in page + listed


def test_findings_are_grouped_escaped_and_the_failures_come_first(root: LibraryRoot, admin_client: Client) -> None:
    findings = [
        {"kind": "new", "path": "videos/<script>alert(1)</script>.mp4", "detail": ""},
        {"kind": "failed", "path": "videos/\u202egpj.mp4", "detail": "<b>damaged</b>"},
        {"kind": "new", "path": "videos/b.mp4", "detail": ""},
    ]
    row = report(root, findings=findings)

    page = admin_client.get(f"{REPORTS}{row.pk}/change/").content.decode()

    assert page.index("Failed <span") < page.index("New <span")
    assert "<script>alert" not in page and "<b>damaged" not in page and "\u202e" not in page
    assert "videos/b.mp4" in page and "1 min 5 s" in page


def test_the_list_does_not_read_the_findings(
    root: LibraryRoot, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        report(root, findings=[{"kind": "new", "path": "videos/a.mp4", "detail": ""}])

    with django_assert_max_num_queries(6) as counted:
        admin_client.get(REPORTS)

    assert not any("findings" in query["sql"] for query in counted)


def test_a_report_cannot_be_changed_or_deleted(root: LibraryRoot, admin_client: Client) -> None:
    row = report(root)

    assert admin_client.post(f"{REPORTS}{row.pk}/change/", {"status": "failed"}).status_code == 403
    assert admin_client.post(f"{REPORTS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{REPORTS}add/").status_code == 403


def test_the_list_says_what_it_lists_and_how_a_scan_is_started(admin_client: Client, root: LibraryRoot) -> None:
    page = admin_client.get(REPORTS).content.decode()
    assert "<h1>Scan reports</h1>" in page
    assert "Nothing has been scanned yet" in page
    assert "scan_library" in page

    report(root)

    assert "Nothing has been scanned yet" not in admin_client.get(REPORTS).content.decode()
