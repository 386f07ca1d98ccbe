from __future__ import annotations

import pytest

from media_library.ffmpeg.encoders import ENCODERS, best_encoder, has_filter, working_encoders
from media_library.ffmpeg.errors import FfmpegFailed


@pytest.mark.parametrize("codec", ENCODERS)
def test_only_encoders_that_encode_are_listed_the_preferred_first(ffmpeg_binary: str, codec: str) -> None:
    working = working_encoders(ffmpeg_binary, codec)

    assert working[-1] == ENCODERS[codec][-1]
    assert working == [encoder for encoder in ENCODERS[codec] if encoder in working]


def test_a_job_without_a_gpu_encodes_on_the_processor(ffmpeg_binary: str) -> None:
    assert best_encoder("h264", program=ffmpeg_binary, uses_gpu=False) == "libx264"


def test_a_job_with_a_gpu_takes_the_first_encoder_that_works(ffmpeg_binary: str) -> None:
    assert best_encoder("h264", program=ffmpeg_binary, uses_gpu=True) == working_encoders(ffmpeg_binary)[0]


def test_no_encoder_at_all_is_said() -> None:
    with pytest.raises(FfmpegFailed, match="no working encoder of av1"):
        best_encoder("av1", program="/bin/false", uses_gpu=True)


def test_a_filter_that_is_not_there_is_known_not_to_be(ffmpeg_binary: str) -> None:
    assert has_filter("scale", ffmpeg_binary)
    assert not has_filter("teleport", ffmpeg_binary)
