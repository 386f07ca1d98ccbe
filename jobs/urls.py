"""The addresses of jobs: the admin's API of jobs, lanes and pipelines."""

from django.urls import path

from jobs.api.jobs import Approve, Cancel, Decline, Jobs, OneJob, Priority, Retry, Types
from jobs.api.lanes import Pause, Resume, Summary
from jobs.api.pipelines import CancelPipeline, OnePipeline, Pipelines, Recipes, ResumePipeline

urlpatterns = [
    path("api/jobs", Jobs.as_view()),
    path("api/jobs/types", Types.as_view()),
    path("api/jobs/summary", Summary.as_view()),
    path("api/jobs/lanes/<str:category>/pause", Pause.as_view()),
    path("api/jobs/lanes/<str:category>/resume", Resume.as_view()),
    path("api/jobs/<id:job_id>", OneJob.as_view()),
    path("api/jobs/<id:job_id>/cancel", Cancel.as_view()),
    path("api/jobs/<id:job_id>/retry", Retry.as_view()),
    path("api/jobs/<id:job_id>/approve", Approve.as_view()),
    path("api/jobs/<id:job_id>/decline", Decline.as_view()),
    path("api/jobs/<id:job_id>/priority", Priority.as_view()),
    path("api/pipelines", Pipelines.as_view()),
    path("api/pipelines/recipes", Recipes.as_view()),
    path("api/pipelines/<id:pipeline_id>", OnePipeline.as_view()),
    path("api/pipelines/<id:pipeline_id>/cancel", CancelPipeline.as_view()),
    path("api/pipelines/<id:pipeline_id>/resume", ResumePipeline.as_view()),
]
