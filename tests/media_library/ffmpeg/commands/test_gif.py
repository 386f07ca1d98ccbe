from __future__ import annotations

from pathlib import Path

from media_library.ffmpeg.commands import gif
from media_library.ffmpeg.commands.gif import Animation
from media_library.ffmpeg.commands.inputs import Source
from media_library.ffmpeg.probe import Probe

PROBE = Probe("mov", 640, 360, "h264", picture_stream=2)


def test_the_command_names_its_files_so_that_no_name_is_an_option_or_a_protocol() -> None:
    part = Source(Path("/library/-rf.mp4"), PROBE, in_point=1.0, duration=2.0)

    arguments = gif.gif(part, Path("/library/.p.png"), Path("/library/http:x.gif"), Animation(width=320, fps=12))

    assert arguments[-1] == "file:/library/http:x.gif"
    assert [arguments[index + 1] for index, name in enumerate(arguments) if name == "-i"] == [
        "file:/library/-rf.mp4",
        "file:/library/.p.png",
    ]
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    assert "paletteuse" in arguments[arguments.index("-filter_complex") + 1]
    assert arguments[arguments.index("-filter_complex") + 1].startswith("[0:2]fps=12[s0];[s0]scale=320:180")
