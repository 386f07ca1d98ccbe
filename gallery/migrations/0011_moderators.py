"""Let the media admins moderate comments and keep the list of watched words."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

MAY_MODERATE = ("view_comment", "change_comment", "view_watchedword", "add_watchedword", "delete_watchedword")


def let_admins_moderate(apps, schema_editor):
    create_permissions(real_apps.get_app_config("gallery"), verbosity=0)  # Django makes them after all migrations, too late for this one
    allowed = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="gallery", codename__in=MAY_MODERATE)
    for group in apps.get_model("auth", "Group").objects.filter(name__in=("SUPER_ADMIN", "MEDIA_ADMIN")):
        group.permissions.add(*allowed)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0010_comments_for_moderators")]

    operations = [migrations.RunPython(let_admins_moderate, migrations.RunPython.noop)]
