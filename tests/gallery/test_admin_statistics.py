"""The admin's charts and drift reports."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from gallery import services
from gallery.admin import drift_reports
from gallery.admin.charts import columns_of, retention_chart, small_charts, views_chart
from gallery.admin.statistics import change
from gallery.models import DriftReport, GalleryDay, MediaDay, MediaStats, RetentionBucket
from gallery.statistics import Counts
from jobs.models import Job
from tests.gallery.shared_media import share

pytestmark = pytest.mark.django_db
GALLERY = "/admin/gallery/publicmedia/statistics/"
REPORTS = "/admin/gallery/driftreport/"
NEW_YEAR = dt.date(2026, 1, 1)


@pytest.fixture(autouse=True)
def _nothing_is_remembered(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


def of_medium(media_id: int) -> str:
    return f"/admin/gallery/publicmedia/{media_id}/statistics/"


def days(*views: int) -> dict[dt.date, Counts]:
    return {
        NEW_YEAR + dt.timedelta(days=number): Counts(count, count // 2, count - 10, 0, 100 * count) for number, count in enumerate(views)
    }


def page(client: Client, address: str, **query: str | int) -> str:
    reply = client.get(address, query)
    assert reply.status_code == 200
    return reply.content.decode()


@pytest.fixture
def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@pytest.fixture
def liked(today: dt.date) -> int:
    """A medium with a day, a curve and a name that would like to be markup."""
    media_id = share("Sea <script>alert(1)</script>")
    counts = {"view_count": 1234, "unique_view_count": 800, "upvote_count": 12, "finish_count": 7, "total_watch_time": 4000}
    MediaDay.objects.create(video_id=media_id, day=today, **counts)
    GalleryDay.objects.create(day=today, **counts)
    GalleryDay.objects.create(day=today - dt.timedelta(days=30), view_count=617)
    RetentionBucket.objects.bulk_create(RetentionBucket(video_id=media_id, bucket=part, count=130 - 2 * part) for part in range(65))
    return media_id


def test_bars_share_one_scale_whose_lines_are_round() -> None:
    chart = views_chart(columns_of(days(0, 1200, 2300)))

    assert chart.scale == [(0, "3,000"), (50, "1,500"), (100, "0")]
    assert [(bar.top, bar.height) for bar in chart.bars] == [(100, 0), (60, 40), (23.33, 76.67)]
    assert (chart.bars[1].front_top, chart.bars[1].front_height) == (80, 20)
    assert chart.bars[2].label == "3 Jan 2026: 2,300 views, 1,150 unique"
    assert chart.total == "3,500 views, 1,750 unique"


def test_days_with_more_votes_taken_back_than_given_hang_below_the_line() -> None:
    votes = small_charts(columns_of(days(5, 20)))[0]

    assert votes.scale == [(0, "10"), (31.25, "5"), (62.5, "0"), (100, "−6")]
    below, above = votes.bars
    assert below.top == above.top + above.height
    assert below.height > 0


def test_a_year_is_drawn_by_weeks_that_lose_no_day() -> None:
    columns = columns_of(days(*range(365)))

    assert len(columns) == 53
    assert sum(column.counts.views for column in columns) == sum(range(365))
    assert columns[-1].name == "25 Dec – 31 Dec 2026"
    assert len(columns_of(days(*range(90)))) == 90


@pytest.mark.parametrize("quiet", [days(0), days(0, 0, 0), {NEW_YEAR: Counts(upvotes=-3)}])
def test_quiet_days_are_drawn_too(quiet: dict[dt.date, Counts]) -> None:
    columns = columns_of(quiet)

    for chart in (views_chart(columns), *small_charts(columns)):
        assert all(0 <= bar.top <= 100 and 0 <= bar.height <= 100 for bar in chart.bars)


def test_a_curve_is_measured_by_its_best_part() -> None:
    curve = retention_chart([50, 100, 25, 0], 40)

    assert curve.path == "M0 100H0V50H1H1V0H2H2V75H3H3V100H4V100Z"
    assert curve.parts[2] == (2, "0:20: 25 %, watched 25 times")
    assert curve.times == ["0:00", "0:20", "0:40"]
    assert curve.description == "Watched most: 0:10 to 0:20. The last part keeps 0 % of that."


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [(0, 0, ""), (5, 0, ""), (5, 5, "as before"), (6, 5, "+20 %"), (4, 5, "−20 %"), (0, 5, "−100 %"), (50, 5, "× 10")],
)
def test_figures_are_compared_in_words(now: int, then: int, told: str) -> None:
    assert change(now, then) == told


def test_the_gallerys_page_shows_sums_charts_and_what_is_liked(admin_client: Client, liked: int) -> None:
    text = page(admin_client, GALLERY)

    assert re.search(r"<dt>Views</dt>\s*<dd>\s*<b>1,234</b> <span class=\"quiet\">\+100 %", text)
    assert text.count('<svg class="bars"') == 4
    assert "1,234 views, 800 unique" in text
    assert f'href="{of_medium(liked)}?days=30"' in text
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("asked", "shown"), [("7", 7), ("30", 30), ("90", 90), ("365", 365), ("", 30), ("8", 30), ("x", 30), ("-1", 30), ("9" * 99, 30)]
)
def test_the_days_are_chosen_in_the_address(admin_client: Client, asked: str, shown: int) -> None:
    assert f'href="?days={shown}" aria-current="true"' in re.sub(r"\s+", " ", page(admin_client, GALLERY, days=asked))


def test_charts_are_described_for_those_who_do_not_see_them(admin_client: Client, liked: int) -> None:
    text = page(admin_client, of_medium(liked))

    for name in re.findall(r'aria-labelledby="([^"]*)"', text):
        for part in name.split():
            assert f'id="{part}"' in text
    assert text.count('role="img"') == 5
    assert text.count('<th scope="row">') == 30
    assert not re.search(r"<[^>]+ style=|<style|<script(?! src| id)", text)


def test_a_mediums_page_tells_its_story(admin_client: Client, liked: int) -> None:
    services.unpublish([liked], by=User.objects.get(username="admin"), reason="rights <unclear>")

    text = page(admin_client, of_medium(liked))

    assert "mark-unpublished" in text
    assert "Unpublished: rights &lt;unclear&gt;" in text
    assert "Watched most: 0:00 to 0:01. The last part keeps 2 % of that." in text
    assert "not published" in text


def test_the_pages_cost_as_much_for_a_year_as_for_a_week(
    admin_client: Client, liked: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for address in (GALLERY, of_medium(liked)):
        page(admin_client, address)
        with django_assert_max_num_queries(12):
            page(admin_client, address, days=365)


def test_what_never_was_public_has_no_statistics(admin_client: Client) -> None:
    assert admin_client.get(of_medium(999_999)).status_code == 404
    assert admin_client.get(of_medium(10**30)).status_code == 404


def test_statistics_are_for_those_who_may_see_the_gallerys_media(client: Client, liked: int) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    for address in (GALLERY, of_medium(liked), REPORTS):
        assert client.get(address).status_code == 403
    assert client.post(f"{REPORTS}reconcile/").status_code == 403


def test_a_button_recounts_and_shows_what_was_wrong(admin_client: Client, liked: int) -> None:
    MediaStats.objects.update(upvote_count=5000)

    reply = admin_client.post(f"{REPORTS}reconcile/", follow=True)

    text = reply.content.decode()
    report = DriftReport.objects.get()
    assert (reply.redirect_chain[-1][0], report.by) == (f"{REPORTS}{report.pk}/change/", User.objects.get(username="admin"))
    assert f'<a href="/admin/media_library/video/{liked}/change/">Video {liked}</a>' in text
    assert "said 5,000, is 0" in text
    assert "counters were wrong and have been corrected" in page(admin_client, REPORTS)
    assert admin_client.get(f"{REPORTS}reconcile/").status_code == 405


def test_where_there_is_much_to_count_a_worker_does_it(admin_client: Client, liked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_reports, "MOST_AT_ONCE", 0)

    admin_client.post(f"{REPORTS}reconcile/")

    assert Job.objects.get().type == "reconcile_counters"
    assert not DriftReport.objects.exists()


def test_media_admins_may_recount(client: Client, liked: int) -> None:
    editor = User.objects.create_user("editor", is_staff=True)
    editor.groups.add(Group.objects.get(name="MEDIA_ADMIN"))
    client.force_login(editor)

    assert client.post(f"{REPORTS}reconcile/").status_code == 302
    assert client.get(REPORTS).status_code == 200
