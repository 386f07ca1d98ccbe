"""The product runs with what `requirements.txt` names: what tests alone install is not there for its users."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.launch.conftest import REPOSITORY

# Hides every module of a distribution that the file does not name, then imports whatever a web server, a worker and a command do.
PROCESS = """
import importlib, importlib.metadata, re, sys
from importlib.abc import MetaPathFinder
from pathlib import Path

def canonical(name):
    return re.sub("[-_.]+", "-", name).lower()

named = {canonical(name) for name in re.findall(r"^([\\w.-]+)==", Path("requirements.txt").read_text(), re.MULTILINE)}
owners = importlib.metadata.packages_distributions()

class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        owner = owners.get(name.partition(".")[0])
        if owner and not named & {canonical(each) for each in owner}:
            raise ModuleNotFoundError(f"No module named {name!r} in requirements.txt")

sys.meta_path.insert(0, Hidden())
import config.wsgi
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver
from config.celery import app
import jobs.tasks, granian.cli, celery.bin.celery
get_resolver().url_patterns
with app.connection_for_write() as connection:
    connection.transport
for name, source in get_commands().items():
    if not source.startswith("django"):
        load_command_class(source, name)
"""


def test_every_process_of_the_product_imports_only_what_its_requirements_name() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
