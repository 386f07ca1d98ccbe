"""What a user has written stays theirs when the account is gone: each comment keeps a keyed hash of them, as of a session."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.utils.crypto import salted_hmac


def add_keys(apps: Any, schema_editor: Any) -> None:
    comments = apps.get_model("gallery", "Comment").objects.filter(user__isnull=False)
    for user_id in comments.order_by().values_list("user_id", flat=True).distinct():
        comments.filter(user_id=user_id).update(session_id=key_of(user_id))


def key_of(user_id: int) -> str:
    return salted_hmac("gallery.visitor", f"user {user_id}", algorithm="sha256").hexdigest()[:32]


def remove_keys(apps: Any, schema_editor: Any) -> None:
    apps.get_model("gallery", "Comment").objects.filter(user__isnull=False).update(session_id=None)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0015_days_by_date")]

    operations = [
        migrations.AlterField(
            model_name="comment",
            name="session_id",
            field=models.TextField(blank=True, help_text="keyed hash of the visitor's session, or of the user", null=True),
        ),
        migrations.RunPython(add_keys, remove_keys),
    ]
