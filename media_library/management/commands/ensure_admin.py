"""Makes the administrator's account, or gives it the password that is asked for."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Make a superuser with the password in ADMIN_PASSWORD; an existing account is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reset-password", action="store_true", help="also give an existing account this password")

    def handle(self, *args: Any, **options: Any) -> None:
        username, password = options["username"], os.environ["ADMIN_PASSWORD"]
        users = get_user_model().objects
        user, is_new = users.get_or_create(username=username, defaults={"is_superuser": True, "is_staff": True})
        if is_new or (options["reset_password"] and not user.check_password(password)):
            user.set_password(password)
            user.save()
            self.stdout.write(f"{username} {'made' if is_new else 'has a new password'}")
