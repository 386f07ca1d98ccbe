"""Store what a search looks through, and let the index of the newest carry it with what lists filter by; find rare qualities."""

import django.contrib.postgres.indexes
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("media_library", "0003_sort_orders_and_open_moves"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="video",
            name="idx_videos_recent",
        ),
        migrations.RemoveIndex(
            model_name="video",
            name="idx_videos_search",
        ),
        migrations.AddField(
            model_name="video",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Upper(
                    django.db.models.functions.text.Concat(
                        django.db.models.functions.text.Left(
                            django.db.models.functions.comparison.Coalesce(
                                models.F("title"), models.Value("", output_field=models.TextField())
                            ),
                            200,
                            output_field=models.TextField(),
                        ),
                        models.Value("\n", output_field=models.TextField()),
                        django.db.models.functions.text.Left("filename", 255, output_field=models.TextField()),
                    )
                ),
                help_text="what a search looks through, in upper case: title and filename",
                output_field=models.TextField(),
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                include=("search_text", "directory_type", "orientation", "quality", "is_valid", "trashed_at"),
                name="idx_videos_recent",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(fields=["quality"], name="idx_videos_quality"),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(condition=models.Q(("trashed_at__isnull", False)), fields=["trashed_at"], name="idx_videos_trashed"),
        ),
        migrations.AddIndex(
            model_name="video",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search_text"], name="idx_videos_search", opclasses=["gin_trgm_ops"]),
        ),
    ]
