from __future__ import annotations

from media_library.ffmpeg.encoders import PREFERRED, working_encoders


def test_only_encoders_that_encode_are_listed_the_preferred_first(ffmpeg_binary: str) -> None:
    working = working_encoders(ffmpeg_binary)

    assert working[-1] == "libx264"
    assert working == [encoder for encoder in PREFERRED if encoder in working]
