"""What the database forgets of jobs and pipelines that ended long ago; what they made stays."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from jobs.models import Job, Pipeline

MOST_AT_ONCE = 1000  # jobs, and a tenth as many pipelines: locked for a moment, and there is a next time
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)


@transaction.atomic
def expire() -> int:
    """Forget what ended JOBS_KEPT_DAYS ago, and FAILED_JOBS_KEPT_DAYS ago what failed and nobody dismissed; returns how many jobs.

    A pipeline goes with all its jobs. Jobs whose unfinished files are still there wait until these are swept.
    """
    return _expire_single() + _expire_pipelines()


def _expire_single() -> int:
    is_seen = ~Q(status=Job.Status.FAILED) | Q(dismissed_at__isnull=False)
    ended = Job.objects.filter(status__in=ENDED, pipeline=None, drafts=[]).filter(_is_old(is_seen)).order_by("completed_at")
    ids = list(ended.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Job.objects.filter(pk__in=ids).delete()[0]


def _expire_pipelines() -> int:
    jobs = Job.objects.filter(pipeline=OuterRef("pk"))
    is_seen = ~Q(Exists(Job.objects.left_failed().filter(pipeline=OuterRef("pk"))))
    ended = Pipeline.objects.exclude(status=Pipeline.Status.RUNNING).exclude(Exists(jobs.exclude(drafts=[])))
    old = ended.filter(_is_old(is_seen)).order_by("completed_at").select_for_update(skip_locked=True)
    ids = list(old.values_list("pk", flat=True)[: MOST_AT_ONCE // 10])
    count = Job.objects.filter(pipeline__in=ids).delete()[0]
    Pipeline.objects.filter(pk__in=ids).delete()
    return count


def _is_old(is_seen: Q) -> Q:
    """Whether it ended so long ago that nobody looks for it; failures that nobody has seen are kept longer."""
    seen, unseen = timedelta(days=settings.JOBS_KEPT_DAYS), timedelta(days=settings.FAILED_JOBS_KEPT_DAYS)
    return Q(completed_at__lt=Now() - seen) & (is_seen | Q(completed_at__lt=Now() - unseen))
