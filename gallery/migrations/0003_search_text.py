"""Search a stored text, also for one and two characters and for signs, of which trigrams know nothing."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat, Upper

import gallery.querysets

# One expression of built-in functions: the text cut into pairs from its first character on, the same from its
# second on, and its single characters.
CREATE = r"""
CREATE FUNCTION gallery_short_grams(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_remove(
        string_to_array(regexp_replace($1, '(..)', E'\\1\x01', 'g'), E'\x01')
        || string_to_array(regexp_replace(substr($1, 2), '(..)', E'\\1\x01', 'g'), E'\x01')
        || string_to_array($1, NULL),
        '')
$$
"""


class Migration(migrations.Migration):
    dependencies = [("gallery", "0002_media_totals_triggers")]

    operations = [
        migrations.RunSQL(CREATE, "DROP FUNCTION gallery_short_grams(text)"),
        migrations.RemoveIndex("publicmedia", "idx_public_media_search"),
        migrations.AddField(
            "publicmedia",
            "search_text",
            models.GeneratedField(
                expression=Upper(
                    Concat(
                        Value("/public/", output_field=models.TextField()),
                        F("category"),
                        Value("/", output_field=models.TextField()),
                        F("filename"),
                        Value("\n", output_field=models.TextField()),
                        Coalesce(F("title"), Value("", output_field=models.TextField())),
                    )
                ),
                output_field=models.TextField(),
                db_persist=True,
                help_text="what a search looks through, in upper case: path and title",
            ),
        ),
        migrations.AddIndex("publicmedia", GinIndex(fields=["search_text"], name="idx_public_media_search", opclasses=["gin_trgm_ops"])),
        migrations.AddIndex("publicmedia", GinIndex(gallery.querysets.ShortGrams("search_text"), name="idx_public_media_short_grams")),
    ]
