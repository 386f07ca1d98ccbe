"""Give the narrow table of hot counters the votes: each used to write a row into ten indexes, two of them of text."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0016_users_comments_have_a_key")]

    operations = [migrations.AddField("mediastats", "upvote_count", models.BigIntegerField(db_default=0, default=0))]
