from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from config.api.models import IdempotentReply
from config.api.sign_in import RefreshToken
from jobs import periodic
from jobs.models import Job, PeriodicTask
from jobs.periodic import Periodic
from media_library.models import Video

pytestmark = pytest.mark.django_db


def make_due(name: str) -> None:
    periodic.run_due()  # which adds the rows
    PeriodicTask.objects.filter(name=name).update(due_at=timezone.now() - timedelta(minutes=1))


def test_nothing_runs_before_it_is_due() -> None:
    assert periodic.run_due() == []
    assert {task.name for task in PeriodicTask.objects.all()} == {task.name for task in periodic.all_tasks()}


def test_what_is_due_runs_once() -> None:
    make_due("reconcile_counters")

    first, second = periodic.run_due(), periodic.run_due()

    assert (first, second) == (["reconcile_counters"], [])
    assert [job.type for job in Job.objects.all()] == ["reconcile_counters"]


def test_what_still_waits_is_not_submitted_again() -> None:
    for _ in range(2):
        make_due("reconcile_counters")
        periodic.run_due()

    assert Job.objects.count() == 1


def test_old_jobs_are_forgotten_by_themselves() -> None:
    Job.objects.create(type="scan", status="completed", completed_at=timezone.now() - timedelta(days=31))
    make_due("expire_jobs")

    periodic.run_due()

    assert not Job.objects.exists()


def test_files_that_nobody_can_hash_are_not_tried_every_ten_minutes() -> None:
    video = Video.objects.create(path="a.mp4", filename="a.mp4")
    periodic.hash_videos()
    first = Job.objects.get()
    Job.objects.update(status="completed", result={"hashed": 0, "passedOver": 1}, completed_at=timezone.now())

    periodic.hash_videos()
    assert Job.objects.get() == first

    Video.objects.filter(pk=video.pk).update(updated_at=Now())
    periodic.hash_videos()
    assert Job.objects.filter(status="queued").count() == 1


def test_a_nightly_task_comes_at_its_time_in_the_time_zone(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    periodic.run_due()

    due = PeriodicTask.objects.get(name="reconcile_counters").due_at.astimezone(ZoneInfo("Asia/Tokyo"))

    assert (due.hour, due.minute) == (3, 30)
    assert timedelta() < due - timezone.now() <= timedelta(days=1)


def test_a_failure_is_kept_and_keeps_nothing_else_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")

    ran: list[str] = []
    tasks = (Periodic("bad", fails, periodic.every("1 hour")), Periodic("good", lambda: ran.append("good"), periodic.every("1 hour")))
    monkeypatch.setattr(periodic, "all_tasks", lambda: tasks)
    periodic.run_due()
    PeriodicTask.objects.update(due_at=timezone.now() - timedelta(minutes=1))

    periodic.run_due()

    assert ran == ["good"]
    bad = PeriodicTask.objects.get(name="bad")
    assert "nonsense" in bad.error and bad.due_at > timezone.now()


def test_replies_are_forgotten_after_a_day() -> None:
    IdempotentReply.objects.create(key="new", request_hash="x")
    IdempotentReply.objects.create(key="old", request_hash="x", created_at=timezone.now() - timedelta(hours=25))

    periodic.expire_replies()

    assert [reply.key for reply in IdempotentReply.objects.all()] == ["new"]


def test_expired_sessions_are_forgotten() -> None:
    Session.objects.create(session_key="old", session_data="x", expire_date=timezone.now() - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="x", expire_date=timezone.now() + timedelta(days=1))

    periodic.expire_sign_ins()

    assert [session.session_key for session in Session.objects.all()] == ["new"]


def test_used_up_refresh_tokens_are_forgotten_once_they_would_have_expired_anyway() -> None:
    user = User.objects.create_user("visitor")
    old, new = RefreshToken.for_user(user), RefreshToken.for_user(user)
    old.set_exp(from_time=timezone.now() - timedelta(days=30))
    for token in (old, new):
        token.blacklist()

    periodic.expire_sign_ins()

    assert [each.token.jti for each in BlacklistedToken.objects.all()] == [new["jti"]]
