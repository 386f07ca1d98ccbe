"""Make the groups that are roles, and let the media admins work in the admin (they also need `is_staff` to enter it)."""

from django.apps import apps as real_apps
from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("SUPER_ADMIN", "MEDIA_ADMIN", "USER", "TEMP")
MAY_MANAGE = {
    "media_library": ("view_video", "change_video", "delete_video", "view_scanreport"),  # delete: move to the trash
    "gallery": ("view_publicmedia", "change_publicmedia"),
    "reactions": ("view_videoreaction",),
    "jobs": ("view_job",),
}


def make_roles(apps, schema_editor):
    for label in MAY_MANAGE:  # Django makes permissions after all migrations, which is too late for this one
        create_permissions(real_apps.get_app_config(label), verbosity=0)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    groups = {role: Group.objects.get_or_create(name=role)[0] for role in ROLES}
    for label, codenames in MAY_MANAGE.items():
        allowed = Permission.objects.filter(content_type__app_label=label, codename__in=codenames)
        for role in ("SUPER_ADMIN", "MEDIA_ADMIN"):
            groups[role].permissions.add(*allowed)


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0004_indexes_carry_orientation"),
        ("media_library", "0002_video_totals_triggers"),
        ("reactions", "0001_initial"),
        ("jobs", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]  # going back leaves the groups: people are in them
