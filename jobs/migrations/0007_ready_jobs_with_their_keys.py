from django.db import migrations, models


class Migration(migrations.Migration):
    """So that places in a long queue are counted in the index alone, past jobs that wait for another of their key to end."""

    dependencies = [("jobs", "0006_dismiss_failures")]

    operations = [
        migrations.RemoveIndex(model_name="job", name="idx_jobs_ready"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["resource_category", "ranked_at", "id"],
                include=("exclusive_key",),
                name="idx_jobs_ready",
            ),
        ),
    ]
