"""Brings the database up to date and makes the administrator's account, in one process because each costs a start."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Migrate, then make a superuser with the password in ADMIN_PASSWORD; an existing account is left as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--admin", required=True, metavar="USERNAME")
        parser.add_argument("--reset-password", action="store_true", help="also give an existing account this password")

    def handle(self, *, admin: str, reset_password: bool, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        password = os.environ["ADMIN_PASSWORD"]
        user, is_new = get_user_model().objects.get_or_create(username=admin, defaults={"is_superuser": True, "is_staff": True})
        if is_new or (reset_password and not user.check_password(password)):
            user.set_password(password)
            user.save()
            self.stdout.write(f"{admin} {'made' if is_new else 'has a new password'}")
