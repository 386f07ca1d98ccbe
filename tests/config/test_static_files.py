"""Static files as production names them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from django.conf import settings

from config.static_files import HashedFiles

MODULES = Path(settings.BASE_DIR, "static/gallery/viewer")


def test_modules_import_each_other_by_their_contents(tmp_path: Path) -> None:
    storage = HashedFiles(location=tmp_path, base_url="/static/")
    shutil.copytree(MODULES, tmp_path / "gallery/viewer")
    paths = {f"gallery/viewer/{module.name}": (storage, f"gallery/viewer/{module.name}") for module in MODULES.iterdir()}

    for _, _, problem in storage.post_process(paths):
        assert not isinstance(problem, Exception)

    page = Path(storage.path(storage.stored_name("gallery/viewer/main.js")))
    imported = re.findall(r'from "\./(.*?)"', page.read_text())
    assert len(imported) == page.read_text().count("import ") > 0
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name) and (page.parent / name).exists() for name in imported)
