import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("jobs", "0007_ready_jobs_with_their_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="pipelinestep",
            name="needs_approval",
            field=models.BooleanField(db_default=False, default=False, help_text="a person has to say that it may start"),
        ),
        migrations.AddField(
            model_name="pipelinestep",
            name="approved_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="pipelinestep",
            name="approved_by",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
    ]
