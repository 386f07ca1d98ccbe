"""Let the media admins look at pipelines, and submit, steer and cancel jobs."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

MAY_RUN_JOBS = ("add_job", "change_job", "view_job", "view_pipeline")


def let_admins_run_jobs(apps, schema_editor):
    create_permissions(real_apps.get_app_config("jobs"), verbosity=0)  # Django makes them after all migrations, too late for this one
    allowed = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="jobs", codename__in=MAY_RUN_JOBS)
    for group in apps.get_model("auth", "Group").objects.filter(name__in=("SUPER_ADMIN", "MEDIA_ADMIN")):
        group.permissions.add(*allowed)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("gallery", "0005_roles")]

    operations = [migrations.RunPython(let_admins_run_jobs, migrations.RunPython.noop)]
