"""Static files as production names them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from django.conf import settings

from config.static_files import HashedFiles

STATIC = Path(settings.BASE_DIR, "static")


def test_modules_import_each_other_by_their_contents(tmp_path: Path) -> None:
    storage = HashedFiles(location=tmp_path, base_url="/static/")
    shutil.copytree(STATIC / "gallery", tmp_path / "gallery")
    modules = [str(path.relative_to(STATIC)) for path in (STATIC / "gallery").glob("**/*.js") if "vendor" not in path.parts]
    paths = {module: (storage, module) for module in modules}

    for _, _, problem in storage.post_process(paths):
        assert not isinstance(problem, Exception)

    for module in ("gallery/gallery.js", "gallery/viewer/main.js", "gallery/viewer/comments.js"):
        page = Path(storage.path(storage.stored_name(module)))
        imported = re.findall(r'^import .*from "(.*?)"', page.read_text(), re.MULTILINE)
        assert imported
        assert all(re.fullmatch(r"[./]+\w+\.[0-9a-f]{12}\.js", name) and (page.parent / name).exists() for name in imported)
