"""Prints a one-time link into the admin."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from media_library.sign_in import LIFETIME, link_for


class Command(BaseCommand):
    help = f"Print the path of a link that signs an admin in once, within {LIFETIME.seconds // 60} minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", help="default: the first superuser")
        parser.add_argument("--next", default="", help="path to land on; default: the library")

    def handle(self, *args: Any, **options: Any) -> None:
        admins = User.objects.filter(is_active=True, is_staff=True).order_by("-is_superuser", "pk")
        named = admins.filter(username=options["username"]) if options["username"] else admins.filter(is_superuser=True)
        user = named.first()
        if user is None:
            raise CommandError("No such admin. Make one with: python manage.py createsuperuser")
        self.stdout.write(link_for(user, landing=options["next"]))
