"""`manage.py scan_library` as its user sees it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from media_library.models import Video
from tests.conftest import Clips, variant

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("scan_library", "--workers", "1", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_says_what_it_found(library: Path, clips: Clips) -> None:
    variant(clips.plain, library / "a.mp4")
    (library / "broken.mp4").write_bytes(b"no video")

    out, err = run("--settle", "0")

    assert "Scan completed: seen 2, new 2, failed 1" in out
    assert "failed: broken.mp4" in out
    assert "Reading" in err


def test_json_is_the_only_thing_on_standard_output(library: Path, clips: Clips) -> None:
    variant(clips.plain, library / "evil\n\x1b[31mname.mp4")

    out, err = run("--settle", "0", "--json")

    report = json.loads(out)
    assert (report["status"], report["counts"]["new"], err) == ("completed", 1, "")


def test_names_cannot_write_to_the_terminal(library: Path) -> None:
    (library / "evil\n\x1b[31mname.mp4").write_bytes(b"no video")
    (library / "caf\udce9.mp4").write_bytes(b"no video")

    out, _ = run("--settle", "0")

    assert "\x1b" not in out
    assert "evil\\n\\x1b[31mname.mp4" in out
    assert "caf\ufffd.mp4" in out


def test_nor_can_the_name_of_a_files_twin(library: Path, clips: Clips) -> None:
    variant(clips.plain, library / "evil\x1b[31m.mp4")
    variant(clips.plain, library / "good.mp4")

    out, _ = run("--settle", "0")

    assert "Same content as evil\\x1b[31m.mp4" in out
    assert "\x1b" not in out


def test_a_refusal_is_an_error_with_its_reason(library: Path) -> None:
    library.rmdir()

    with pytest.raises(CommandError, match="no folder"):
        run()


@pytest.mark.parametrize("part", ["..", "/etc", "a/../../b"])
def test_a_part_outside_the_library_is_an_error(library: Path, part: str) -> None:
    with pytest.raises(CommandError, match="inside the library"):
        run("--path", part)


def test_a_part_may_end_with_a_slash(library: Path, clips: Clips) -> None:
    variant(clips.plain, library / "part" / "a.mp4")
    variant(clips.plain, library / "b.mp4", 1)

    run("--path", "part/", "--settle", "0")

    assert [video.path for video in Video.objects.all()] == ["part/a.mp4"]


def test_a_dry_run_says_so(library: Path, clips: Clips) -> None:
    variant(clips.plain, library / "a.mp4")

    out, _ = run("--settle", "0", "--dry-run")

    assert "Dry run, nothing written" in out
    assert "new: a.mp4" in out
    assert not Video.objects.exists()
