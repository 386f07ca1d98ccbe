"""Let each gallery index carry the orientation, so that a page of one orientation is found in the index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0003_search_text"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="publicmedia",
            name="idx_public_media_category",
        ),
        migrations.RemoveIndex(
            model_name="publicmedia",
            name="idx_public_media_upvotes",
        ),
        migrations.RemoveIndex(
            model_name="publicmedia",
            name="idx_public_media_category_upvotes",
        ),
        migrations.AddIndex(
            model_name="publicmedia",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("video"), descending=True),
                condition=models.Q(("is_locked", False)),
                include=("orientation",),
                name="idx_public_media_category",
            ),
        ),
        migrations.AddIndex(
            model_name="publicmedia",
            index=models.Index(
                models.OrderBy(models.F("upvote_count"), descending=True),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("video"), descending=True),
                condition=models.Q(("is_locked", False)),
                include=("orientation",),
                name="idx_public_media_upvotes",
            ),
        ),
        migrations.AddIndex(
            model_name="publicmedia",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("upvote_count"), descending=True),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("video"), descending=True),
                condition=models.Q(("is_locked", False)),
                include=("orientation",),
                name="idx_public_media_category_upvotes",
            ),
        ),
    ]
