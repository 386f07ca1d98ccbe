"""A clip in which everybody sees three scenes."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import AAC, X264, Clips

FADE, CUT, END = 1.5, 3.0, 4.5  # seconds
QUIET, LOUD = 0.01, 0.5  # of the sound, before and after the cut


def three_scenes(clips: Clips, name: str = "scenes.mp4", *, codec: tuple[str, ...] = (*X264, *AAC), sound: bool = True) -> Path:
    """Out of a test picture into another through black, then, at once, into a fractal that moves much and is loud."""
    pictures = ("testsrc=size=160x90:rate=25:duration=1.5", "testsrc2=size=160x90:rate=25:duration=1.5", "mandelbrot=size=160x90:rate=25")
    tone = f"sine=frequency=440:duration={END},volume='if(lt(t,{CUT}),{QUIET * 8},{LOUD * 8})':eval=frame"  # a sine is an eighth
    inputs = [argument for source in (*pictures, tone) for argument in ("-f", "lavfi", "-i", source)]
    story = "[0]fade=out:st=1.1:d=0.4[a];[1]fade=in:st=0:d=0.4[b];[2]trim=duration=1.5[c];[a][b][c]concat=n=3"
    return clips.run(name, *inputs, "-filter_complex", story, *(("-map", "3:a") if sound else ("-an",)), *codec)
