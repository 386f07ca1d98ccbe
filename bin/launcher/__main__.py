"""Runs one of the commands and ends it with one sentence, whatever goes wrong."""

from __future__ import annotations

import sys

from launcher import checks, manage, processes, settings, up
from launcher.complaints import CannotStart, is_disk_full, require_room
from launcher.processes import StopRequested

COMMANDS = {"up": up.main, "test": checks.main, "manage": manage.main}


def main() -> int:
    command, *arguments = sys.argv[1:]
    processes.listen_for_stop_signals()
    try:
        return COMMANDS[command](arguments)
    except StopRequested as stop:
        return 128 + stop.number
    except CannotStart as complaint:
        sys.stderr.write(f"{_root_cause(complaint)}\n")
    except OSError as error:
        if not is_disk_full(error):
            raise
        sys.stderr.write(f"{_root_cause(error)}\n")
    return 1


def _root_cause(error: Exception) -> Exception:
    """A full disk fails in many ways, and few of them say so."""
    try:
        require_room(settings.data_path(settings.chosen()))
    except CannotStart as full:
        return full
    return error


sys.exit(main())
