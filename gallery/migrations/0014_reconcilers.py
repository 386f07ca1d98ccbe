"""Let the media admins look at drift reports, and reconcile."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

MAY_RECONCILE = ("view_driftreport", "add_driftreport")


def let_admins_reconcile(apps, schema_editor):
    create_permissions(real_apps.get_app_config("gallery"), verbosity=0)  # Django makes them after all migrations, too late for this one
    allowed = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="gallery", codename__in=MAY_RECONCILE)
    for group in apps.get_model("auth", "Group").objects.filter(name__in=("SUPER_ADMIN", "MEDIA_ADMIN")):
        group.permissions.add(*allowed)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0013_open_the_ledger")]

    operations = [migrations.RunPython(let_admins_reconcile, migrations.RunPython.noop)]
