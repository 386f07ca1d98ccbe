"""Names the admin site of this product in place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class LibraryAdminConfig(AdminConfig):
    default_site = "config.admin.LibraryAdminSite"
