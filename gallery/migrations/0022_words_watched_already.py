"""Say of a watched word that it is there already, and not the constraint's name; changes no table."""

from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("gallery", "0021_comments_by_moment")]

    operations = [
        migrations.AlterConstraint(
            "watchedword",
            "watched_words_unique",
            models.UniqueConstraint(Upper("word"), name="watched_words_unique", violation_error_message="This word is watched already."),
        ),
    ]
