from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = (("media_library", "0008_previews"),)

    operations = (
        migrations.AddField("filemove", "job_id", models.BigIntegerField(blank=True, help_text="the job that moves it", null=True)),
        migrations.AlterField(
            "filemove",
            "purpose",
            models.TextField(
                choices=[
                    ("trash", "Into the trash"),
                    ("restore", "Out of the trash"),
                    ("organize", "Into its place"),
                    ("undo", "Back out of it"),
                ]
            ),
        ),
        migrations.AddIndex(
            "filemove",
            models.Index(condition=Q(("job_id__isnull", False)), fields=["job_id", "id"], name="idx_file_moves_job"),
        ),
    )
