"""`bin/manage`: a command of Django's on the library that `bin/up` is serving."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from launcher import settings
from launcher.complaints import CannotStart
from launcher.data_folder import DataFolder
from launcher.settings import REPOSITORY


def main(arguments: Sequence[str]) -> int:
    """Become manage.py, with the settings of the running start."""
    data = settings.data_path(settings.chosen())
    try:
        site = json.loads(DataFolder(data).running_site.read_text())
    except FileNotFoundError:
        raise CannotStart(f"No library is being served from {data}: start it with bin/up, and run this beside it.") from None
    os.chdir(REPOSITORY)
    os.execve(site["python"], [site["python"], "manage.py", *arguments], site["env"])
