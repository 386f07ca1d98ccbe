"""What the buttons of the queue do: each calls one service and says what it did."""

from __future__ import annotations

from datetime import time

from django.http import HttpRequest

from jobs import services
from jobs.admin.live import Act, admin_of, key
from jobs.labels import error_class as class_name
from jobs.labels import lane_name
from jobs.models import Job

LONGEST_REASON = 500  # characters


def cancel(subject: str, request: HttpRequest) -> str:
    job = services.cancel(key(subject), by=admin_of(request))
    return f"Stopping {job}." if job.status == Job.Status.RUNNING else f"Cancelled {job}."


def approve(subject: str, request: HttpRequest) -> str:
    return f"Approved {services.approve(key(subject), by=admin_of(request))}."


def decline(subject: str, request: HttpRequest) -> str:
    return f"Declined {services.decline(key(subject), by=admin_of(request))}."


def retry(subject: str, request: HttpRequest) -> str:
    return f"Queued {services.retry(key(subject), by=admin_of(request))} again."


def retry_class(subject: str, request: HttpRequest) -> str:
    count = services.retry_failed(subject, by=admin_of(request))
    name = class_name(subject).lower()
    return f"Queued 1 job again: {name}." if count == 1 else f"Queued {count:,} jobs again: {name}."


def dismiss(subject: str, request: HttpRequest) -> str:
    return f"Dismissed {services.dismiss(key(subject), by=admin_of(request))}."


def dismiss_class(subject: str, request: HttpRequest) -> str:
    count = services.dismiss_failed(subject, by=admin_of(request))
    return f"Dismissed {count:,} failure{'' if count == 1 else 's'}: {class_name(subject).lower()}."


def raise_priority(subject: str, request: HttpRequest) -> str:
    return _move(subject, request, by=1)


def lower_priority(subject: str, request: HttpRequest) -> str:
    return _move(subject, request, by=-1)


def set_priority(subject: str, request: HttpRequest) -> str:
    """The priority that the page's field says."""
    return _tell_priority(services.set_priority(key(subject), key(request.POST.get("priority", "")), by=admin_of(request)))


def pause(subject: str, request: HttpRequest) -> str:
    services.pause(subject, by=admin_of(request), reason=request.POST.get("reason", "").strip()[:LONGEST_REASON])
    return f"{lane_name(subject)} is paused. What runs there finishes."


def resume(subject: str, request: HttpRequest) -> str:
    services.resume(subject, by=admin_of(request))
    return f"{lane_name(subject)} starts jobs again."


def set_hours(subject: str, request: HttpRequest) -> str:
    opens_at, closes_at = _clock(request.POST.get("opens_at", "")), _clock(request.POST.get("closes_at", ""))
    if (opens_at is None) != (closes_at is None):
        raise services.Refused("Hours have two ends: say both, or neither.")
    services.set_hours(subject, opens_at, closes_at, by=admin_of(request))
    if opens_at is None or closes_at is None:
        return f"{lane_name(subject)} starts jobs at any hour."
    return f"{lane_name(subject)} starts jobs from {opens_at:%H:%M} to {closes_at:%H:%M}."


def pause_for_viewers(subject: str, request: HttpRequest) -> str:
    services.set_pauses_for_viewers(subject, True, by=admin_of(request))
    return f"{lane_name(subject)} starts nothing while somebody watches."


def ignore_viewers(subject: str, request: HttpRequest) -> str:
    services.set_pauses_for_viewers(subject, False, by=admin_of(request))
    return f"{lane_name(subject)} starts jobs while somebody watches, too."


def cancel_pipeline(subject: str, request: HttpRequest) -> str:
    return f"Cancelled {services.cancel_pipeline(key(subject), by=admin_of(request))}."


def resume_pipeline(subject: str, request: HttpRequest) -> str:
    return f"Resumed {services.resume_pipeline(key(subject), by=admin_of(request))}."


ACTS: dict[str, Act] = {
    "cancel": cancel,
    "approve": approve,
    "decline": decline,
    "retry": retry,
    "retry-class": retry_class,
    "dismiss": dismiss,
    "dismiss-class": dismiss_class,
    "raise": raise_priority,
    "lower": lower_priority,
    "priority": set_priority,
    "pause": pause,
    "resume": resume,
    "hours": set_hours,
    "pause-for-viewers": pause_for_viewers,
    "ignore-viewers": ignore_viewers,
    "cancel-pipeline": cancel_pipeline,
    "resume-pipeline": resume_pipeline,
}


def _move(subject: str, request: HttpRequest, *, by: int) -> str:
    job_id = key(subject)
    priority = Job.objects.filter(pk=job_id).values_list("priority", flat=True).first()
    if priority is None:
        raise services.JobNotFound(job_id)
    return _tell_priority(services.set_priority(job_id, max(0, min(10, priority + by)), by=admin_of(request)))


def _tell_priority(job: Job) -> str:
    return f"Priority {job.priority} for {job}."


def _clock(text: str) -> time | None:
    """A time of day as a browser sends it; None where the field was empty."""
    try:
        return time.fromisoformat(text) if text else None
    except ValueError as error:
        raise services.Refused("A time of day is written as 22:00.") from error
