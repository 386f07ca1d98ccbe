"""Runs one of the two commands and ends it with one sentence, whatever goes wrong."""

from __future__ import annotations

import sys

from launcher import checks, processes, settings, up
from launcher.complaints import CannotStart, DiskFull, is_disk_full
from launcher.processes import StopRequested

COMMANDS = {"up": up.main, "test": checks.main}


def main() -> int:
    command, *arguments = sys.argv[1:]
    processes.listen_for_stop_signals()
    try:
        return COMMANDS[command](arguments)
    except StopRequested as stop:
        return 128 + stop.number
    except CannotStart as complaint:
        sys.stderr.write(f"{complaint}\n")
    except OSError as error:
        if not is_disk_full(error):
            raise
        sys.stderr.write(f"{DiskFull(settings.data_path(settings.chosen()))}\n")
    return 1


sys.exit(main())
