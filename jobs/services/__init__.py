"""What people and programs do with jobs, pipelines and lanes; each change is in the admin log."""

from jobs.recipes import RecipeUnavailable, UnknownRecipe
from jobs.registry import InvalidParams, Refused, UnknownJobType
from jobs.services.arrivals import scan_inbox
from jobs.services.holding import JobNotFound, PipelineNotFound, WrongState
from jobs.services.jobs import (
    TooMuchMemory,
    cancel,
    check,
    dismiss,
    dismiss_failed,
    retry,
    retry_failed,
    run_for_real,
    set_priority,
    submit,
)
from jobs.services.lanes import UnknownLane, pause, resume, set_hours, set_pauses_for_viewers
from jobs.services.pipelines import approve, cancel_pipeline, decline, resume_pipeline, submit_pipeline

__all__ = [
    "InvalidParams",
    "JobNotFound",
    "PipelineNotFound",
    "RecipeUnavailable",
    "Refused",
    "TooMuchMemory",
    "UnknownJobType",
    "UnknownLane",
    "UnknownRecipe",
    "WrongState",
    "approve",
    "cancel",
    "cancel_pipeline",
    "check",
    "decline",
    "dismiss",
    "dismiss_failed",
    "pause",
    "resume",
    "resume_pipeline",
    "retry",
    "retry_failed",
    "run_for_real",
    "scan_inbox",
    "set_hours",
    "set_pauses_for_viewers",
    "set_priority",
    "submit",
    "submit_pipeline",
]
