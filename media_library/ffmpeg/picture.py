"""A decoded frame as people see it: upright, with square pixels."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import cast

from av import VideoFrame
from av.buffer import Buffer
from av.video.reformatter import Colorspace, ColorTrc, VideoReformatter
from PIL import Image

from media_library.ffmpeg.tones import standard_range

HDR_TRANSFERS = {int(ColorTrc.SMPTE2084): "smpte2084", int(ColorTrc.ARIB_STD_B67): "arib-std-b67"}  # as ffmpeg names them
FULL_HD_AND_UP = 720  # lines: above standard definition, unlabelled colour is BT.709
# The signs of the display matrix's a, b, c, d, and what undoes them.
TURNS = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
SIDEWAYS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE)


def turn_of(frame: VideoFrame) -> Image.Transpose | None:
    """What turns the frame upright, by its display matrix; None when it stands already."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d = struct.unpack("=5i", memoryview(cast(Buffer, matrix))[:20])
    upright = abs(a) >= abs(b)
    return TURNS.get((_sign(a), 0, 0, _sign(d)) if upright else (0, _sign(b), _sign(c), 0))


def size_as_shown(frame: VideoFrame, *, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Width and height with square pixels, after rotation."""
    width, height = max(1, round(frame.width * sensible_aspect(pixel_aspect))), frame.height
    return (height, width) if turn_of(frame) in SIDEWAYS else (width, height)


def sensible_aspect(pixel_aspect: Fraction | None) -> Fraction:
    """The sample aspect ratio, 1 when it is absent or nonsense."""
    return pixel_aspect if pixel_aspect and Fraction(1, 4) <= pixel_aspect <= 4 else Fraction(1)


def fit(width: int, height: int, *, longest: int) -> tuple[int, int]:
    """Width and height with no side above `longest`; nothing is enlarged."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def gray(frame: VideoFrame, *, longest: int) -> Image.Image:
    """A small gray picture for measuring; neither turned nor squared."""
    width, height = fit(frame.width, frame.height, longest=longest)
    small = VideoReformatter().reformat(frame, width=width, height=height, format="gray8", interpolation="AREA", threads=1)
    return _image(small, mode="L")


def upright(frame: VideoFrame, *, pixel_aspect: Fraction | None, longest: int) -> Image.Image:
    """The frame as RGB, no side above `longest` pixels, never enlarged."""
    squared = frame.width * sensible_aspect(pixel_aspect)
    width, height = fit(round(squared), frame.height, longest=longest)
    rgb = _image(_to_rgb(frame, width, height), mode="RGB")
    if transfer := HDR_TRANSFERS.get(frame.color_trc):
        rgb = rgb.filter(standard_range(transfer))  # else it looks grey
    turn = turn_of(frame)
    return rgb if turn is None else rgb.transpose(turn)


def _to_rgb(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    resizer = VideoReformatter()  # our own: a frame's starts threads that live as long as the frame
    unlabelled = frame.colorspace == Colorspace.DEFAULT or frame.colorspace == 2  # AVCOL_SPC_UNSPECIFIED
    guess = Colorspace.ITU709 if frame.height >= FULL_HD_AND_UP else Colorspace.ITU601
    colorspace = guess if unlabelled else None
    return resizer.reformat(frame, width=width, height=height, format="rgb24", interpolation="AREA", src_colorspace=colorspace, threads=1)


def _image(frame: VideoFrame, *, mode: str) -> Image.Image:
    plane = frame.planes[0]
    return Image.frombuffer(mode, (frame.width, frame.height), bytes(plane), "raw", mode, plane.line_size, 1)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
