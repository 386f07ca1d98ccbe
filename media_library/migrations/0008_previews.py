from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = (("media_library", "0007_renditions"),)

    operations = (
        migrations.CreateModel(
            name="Preview",
            fields=[
                (
                    "video",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preview",
                        serialize=False,
                        to="media_library.video",
                    ),
                ),
                (
                    "sprite_path",
                    models.TextField(blank=True, help_text="WebP of 9 × 9 tiles; empty: nobody knows how long the video is", null=True),
                ),
                ("tile_width", models.PositiveIntegerField(blank=True, help_text="pixels", null=True)),
                ("tile_height", models.PositiveIntegerField(blank=True, help_text="pixels", null=True)),
                ("duration", models.FloatField(blank=True, help_text="seconds that the tiles stand for, all together", null=True)),
                ("hover_path", models.TextField(blank=True, help_text="MP4 without sound", null=True)),
                (
                    "poster_at",
                    models.FloatField(blank=True, help_text="seconds; the moment that somebody chose for the poster", null=True),
                ),
                ("source_size", models.BigIntegerField(help_text="bytes of the file that it was made from", null=True)),
                ("source_mtime_ns", models.BigIntegerField(help_text="nanoseconds since the epoch", null=True)),
                ("made_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "previews",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(sprite_path=None) | Q(tile_width__gt=0, tile_height__gt=0, duration__gt=0),
                        name="previews_sprite_has_tiles",
                    )
                ],
            },
        ),
    )
