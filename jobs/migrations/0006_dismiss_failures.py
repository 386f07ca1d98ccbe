from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_index_leftover_files")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="dismissed_at",
            field=models.DateTimeField(blank=True, help_text="when somebody had seen enough of its failure", null=True),
        ),
    ]
