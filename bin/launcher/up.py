"""`bin/up`: from a folder of videos to a gallery in the browser."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from launcher import instance, libraries, settings
from launcher.complaints import CannotStart
from launcher.instance import PASSWORD_FILE, Instance
from launcher.processes import StopRequested
from launcher.progress import say

CATEGORY = re.compile("[a-z0-9-]{1,64}")  # as gallery.services.clean_category has it; told before a long scan, not after


def main(arguments: Sequence[str]) -> int:
    wish = _parse(arguments)
    if wish.publish and not CATEGORY.fullmatch(wish.publish):
        raise CannotStart(f"{wish.publish!r} is no category: use 1 to 64 lower-case letters, digits and hyphens.")
    chosen = settings.chosen()
    library = wish.library or chosen.get("LIBRARY_ROOT")
    root = Path(library).expanduser().resolve() if library else None
    with instance.running(chosen, library=root) as running:
        say(f"Open at {running.address}/ while the scan goes on; Ctrl-C stops everything.")
        scan(running, root, allow_missing=wish.allow_missing)
        publish(running, root, category=wish.publish)
        try:
            announce(running)
            instance.watch(running)
        except StopRequested:
            say("\nStopping …")
    say("Stopped.")
    return 0


def scan(running: Instance, root: Path | None, *, allow_missing: bool) -> None:
    """Scan the library on our own terminal; a scan that a guard refuses leaves the site up, as the last scan left it."""
    failed = running.site.show("scan_library", *(["--allow-missing"] if allow_missing else []))
    libraries.find_or_add(root or running.data.samples, data=running.data.path)  # a first scan has just given it its identity
    if failed:
        running.require_running()
        say(f"The scan of {root or 'the samples'} ended with an error, told above; what was known before is still served.")


def publish(running: Instance, root: Path | None, *, category: str | None) -> None:
    """Publish what was asked for; of the samples most, so that the first page is not empty."""
    if category:
        running.site.show("publish_all", category)
    elif root is None:
        running.site.manage("publish_samples")


def announce(running: Instance) -> None:
    """Print the addresses, the way in and the way out."""
    admin = running.admin
    link = running.site.ask("sign_in_link", "--username", admin.username)
    password = (
        "your ADMIN_PASSWORD" if admin.is_password_given else f"password {admin.password}, kept in {running.data.path / PASSWORD_FILE}"
    )
    say(f"""
  Gallery   {running.address}/
  Admin     {running.address}/admin/  (user {admin.username}, {password})
  API       {running.address}/api/docs

  Sign in once, without the password, and see the library:
  {running.address}{link}

Ctrl-C stops everything.""")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/up",
        description="Serve a folder of videos as a gallery on this machine, until Ctrl-C. Its files are never changed.",
        epilog="Settings come from the environment or .env; .env.example lists them all.",
    )
    parser.add_argument("library", nargs="?", metavar="LIBRARY", help="the folder of videos; without it, a small sample library")
    parser.add_argument("--publish", metavar="CATEGORY", help="publish every valid video of the library into this category")
    parser.add_argument("--allow-missing", action="store_true", help="scan on where many files are gone: they were removed on purpose")
    return parser.parse_args(arguments)
