"""A small library to look at before one's own: clips that ffmpeg draws, of many shapes, codecs and containers.

Each picture is a formula for the brightness of a small frame, scaled up and coloured by a ramp: cheap to draw, easy on
the eye, and free of anybody's rights.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FRAME_RATE = 24
DAY = 24 * 60 * 60  # seconds

H264 = ("libx264", "-preset", "ultrafast", "-crf", "25", "-pix_fmt", "yuv420p")
HEVC = ("libx265", "-preset", "ultrafast", "-crf", "28", "-pix_fmt", "yuv420p", "-tag:v", "hvc1", "-x265-params", "log-level=error")
VP9 = ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-b:v", "0", "-row-mt", "1", "-pix_fmt", "yuv420p")
AV1 = ("libsvtav1", "-preset", "12", "-crf", "40", "-pix_fmt", "yuv420p")
MPEG4 = ("mpeg4", "-q:v", "5")
THEORA = ("libtheora", "-q:v", "7", "-pix_fmt", "yuv420p")
GIF = ("gif",)


class SamplesFailed(Exception):
    """ffmpeg could not draw a sample; its text is ffmpeg's own complaint."""


@dataclass(frozen=True)
class Sample:
    """One clip: where it lies, what it shows, how it is encoded, and the category it is published into, if any."""

    path: str  # below the library root
    title: str
    picture: str  # a lavfi graph
    duration: float  # seconds
    video: tuple[str, ...]  # encoder and its options
    sound: tuple[str, tuple[float, ...]] | None = None  # encoder and the notes of a chord, Hz
    category: str | None = None

    @property
    def artist(self) -> str | None:
        top, *below = Path(self.path).parts
        return below[0] if top == "studios" else None

    @property
    def encoders(self) -> set[str]:
        return {self.video[0]} | ({self.sound[0]} if self.sound else set())


def drawing(small: tuple[int, int], size: tuple[int, int], brightness: str, *colours: str) -> str:
    """A lavfi graph: `brightness` (0-255, of X, Y and the time T) drawn at `small`, scaled to `size`, coloured dark to bright."""
    return (
        f"color=black:size={small[0]}x{small[1]}:rate={FRAME_RATE // 2},format=gray,geq=lum='clip({brightness},0,255)',"
        f"framerate=fps={FRAME_RATE},format=gbrp,{colour_ramp(*colours)},scale={size[0]}:{size[1]}:flags=bicubic,setsar=1,format=yuv420p"
    )


def colour_ramp(*colours: str) -> str:
    """A filter that maps brightness to colours (RRGGBB), evenly spaced from black to white."""
    width = 255 / (len(colours) - 1)
    channels = []
    for start in (0, 2, 4):
        levels = [int(colour[start : start + 2], 16) for colour in colours]
        slopes = [(b - a) / width for a, b in pairwise(levels)]
        bends = [after - before for before, after in pairwise([0.0, *slopes])]
        channels.append(f"{levels[0]}" + "".join(f"+({bend:.5g})*max(0,val-{i * width:.5g})" for i, bend in enumerate(bends)))
    return "lutrgb=" + ":".join(f"{channel}='clip({formula},0,255)'" for channel, formula in zip("rgb", channels, strict=True))


_RIDGES = drawing(
    (192, 108), (1280, 720),
    "if(gt(Y,90+5.5*sin(X/18+T*1.1)+3*sin(X/6.5+T*1.1)+1.2*sin(X/3.2+T*1.1)),10,"
    "if(gt(Y,73+7*sin(X/26+T*0.7+1)+3*sin(X/10+T*0.7)),60,"
    "if(gt(Y,58+8*sin(X/34+T*0.4+2)+3*sin(X/13+T*0.4)),105,"
    "if(gt(Y,43+8*sin(X/42+T*0.2+3)+2.5*sin(X/16+T*0.2)),150,250-Y*1.5+30*exp(-pow(hypot(X-135,Y-25)/18,2))))))",
    "0b1d33", "1d4e6b", "5f8fa3", "b7c4c4", "f2c9a1", "fff1d6",
)  # fmt: skip
_EVENING_SUN = drawing(
    (81, 144), (720, 1280),
    "if(lt(Y,78),max(80+Y*1.67+30*exp(-pow((Y-78)/18,2)),255*lt(hypot(X-40.5,Y-53-T*0.75),16.5)),"
    "50+(144-Y)*0.67+max(0,150-abs(X-40.5)*300/(Y-46.5))*(0.5+0.5*sin(Y*1.47-T*3+2*sin(X/5.25+T))))",
    "120a2a", "4a1a55", "b03a5b", "f0803c", "ffd27a", "fff6d8",
)  # fmt: skip
_NORTHERN_LIGHTS = drawing(
    (160, 90), (1280, 720),
    "22*(1-Y/H)+14+200*exp(-pow((Y-40-11*sin(X/22+T*0.5)-5*sin(X/9-T*0.8))"
    "/if(lt(Y,40+11*sin(X/22+T*0.5)+5*sin(X/9-T*0.8)),25,6),2))*(0.6+0.28*sin(X/7.5+T*1.1+2*sin(X/19))+0.12*sin(X/1.9+T*1.7))",
    "05081c", "0b2a4a", "0f6b6b", "2fd08a", "b6f7c0",
)  # fmt: skip
_SILK = drawing(
    (135, 135), (1080, 1080),
    "128+120*sin(X/17+T*0.8+2.2*sin(Y/23+T*0.5+1.6*sin(X/29-T*0.4)))",
    "1a0b2e", "5b1a5e", "b5305f", "ef7b5a", "ffd9a0",
)  # fmt: skip
_LAVA_LAMP = drawing(
    (45, 80), (360, 640),
    "150*(62/(10.4+pow(X-22.5-10*sin(T*0.6+1),2)+pow(Y-40-31*sin(T*0.5+2),2))+62/(10.4+pow(X-16-6*cos(T*0.5),2)+pow(Y-40-33*cos(T*0.37+2),2))"
    "+48/(7+pow(X-31-6.7*sin(T*0.7+2),2)+pow(Y-37.5-31*sin(T*0.43+1),2))+52/(8.3+pow(X-22.5,2)+pow(Y-78,2)))",
    "1c0f3f", "2b1357", "4a1664", "c92f5a", "ff6a3c", "ffb347", "ffe28a",
)  # fmt: skip
_SEAHORSES = (
    f"mandelbrot=size=426x240:rate={FRAME_RATE}:maxiter=200:start_x=-0.743643887037151:start_y=0.13182590420533:"
    "start_scale=0.012:end_scale=0.001:end_pts=200:outer=normalized_iteration_count,format=gray,format=gbrp,"
    + colour_ramp("06122b", "0d3b66", "3fa7a3", "f4d58d", "bf4342", "fbe9d0")
    + ",scale=854:480:flags=bicubic,setsar=1,format=yuv420p"
)
_POND = drawing(
    (126, 54), (1280, 548),
    "128+42*sin(hypot(X-36-6*sin(T*0.3),Y-18)/2-T*4)+42*sin(hypot(X-90,Y-37+4.5*sin(T*0.4))/2.4-T*3.2)+34*sin(hypot(X-63,Y-84)/3.6-T*2)",
    "06202e", "0c4a5e", "1d8a99", "8fd6cf", "f3fbf2",
)  # fmt: skip
_CITY_LIGHTS = drawing(
    (160, 90), (1920, 1080),
    "20+Y*0.36+110*clip(7.5-hypot(mod(X+T*15,53)-26.5,Y-30-6.7*sin(floor((X+T*15)/53)*2.1)),0,1)"
    "+90*clip(11-hypot(mod(X+T*27+25,75)-37.5,Y-58-7.5*sin(floor((X+T*27+25)/75)*1.3)),0,1)"
    "+60*clip(14.5-hypot(mod(X+T*42,100)-50,Y-77-4*sin(floor((X+T*42)/100)*4.1)),0,1)",
    "0a0f24", "2a2f66", "b0506a", "f2a65a", "ffe3a3", "fff7e6",
)  # fmt: skip
_DUNES = drawing(
    (192, 108), (1280, 720),
    "if(lt(Y,32+6*sin(X/48+T*0.15)),225+30*Y/38,100+70*sin((Y*(2.4-Y/86)+10*sin(X/30+T*0.3)+5*sin(X/10+Y/17-T*0.2))/8)+40*Y/H)",
    "3b1f2b", "8a4b38", "d68c45", "f0c987", "fdf3dc",
)  # fmt: skip
_MOONRISE = drawing(
    (240, 135), (960, 540),
    "if(gt(Y,112+6*sin(X/24)+4*sin(X/9)),0,if(lt(hypot(X-175,Y-60+T*2),16),225+14*sin(X/3.1)*cos((Y+T*2)/3.7),"
    "40+75*Y/H+60*exp(-hypot(X-175,Y-60+T*2)/26)"
    "+200*gt(mod(abs(sin(floor(X/2)*12.9898+floor(Y/2)*78.233)*43758.5453),1),0.993)*(0.6+0.4*sin(T*2+X))))",
    "04060f", "10183a", "2c3b6e", "8091c4", "f6f0dd",
)  # fmt: skip
_PLASMA = drawing(
    (160, 120), (320, 240),
    "128+60*sin(X/14+T*PI/2)+60*sin((X*sin(T*PI/2)+Y*cos(T*PI/2))/19)",
    "0f1020", "5d2e8c", "ff6666", "ffd166", "2ec4b6",
)  # fmt: skip
_PETRI_DISH = (
    "life=size=160x90:rate=8:ratio=0.3:seed=5:mold=25:death_color=black:life_color=white:mold_color=0x303030,"
    f"format=gray,gblur=sigma=0.9,framerate=fps={FRAME_RATE},format=gbrp,"
    f"{colour_ramp('071a1c', '0d4a45', '2f9e76', 'b5e48c', 'f7fbd5')},scale=640:360:flags=bicubic,setsar=1,format=yuv420p"
)

DEEP, CALM, BRIGHT = (65.4, 98.0, 130.8), (110.0, 165.0, 220.0), (130.8, 196.0, 293.7)  # chords, Hz

# In the order of the gallery's first page: what every browser plays comes first.
SAMPLES = (
    Sample("studios/Halden Pictures/blue-ridges.mp4", "Blue Ridges", _RIDGES, 7, H264, ("aac", CALM), "nature"),
    Sample("studios/Halden Pictures/northern-lights.webm", "Northern Lights", _NORTHERN_LIGHTS, 7, VP9, ("libopus", BRIGHT), "nature"),
    Sample("studios/Loom/silk.mov", "Silk", _SILK, 5, H264, None, "abstract"),
    Sample("studios/Loom/lava-lamp.m4v", "Lava Lamp", _LAVA_LAMP, 20, H264, ("aac", DEEP), "abstract"),
    Sample("studios/Loom/seahorse-valley.mkv", "Seahorse Valley", _SEAHORSES, 5, AV1, None, "abstract"),
    Sample("gifs/plasma.gif", "Plasma", _PLASMA, 3, GIF, None, "abstract"),
    Sample("studios/Halden Pictures/evening-sun.mp4", "Evening Sun", _EVENING_SUN, 6, HEVC, ("aac", DEEP), "nature"),
    Sample("curated/rain-on-the-pond.mkv", "Rain on the Pond", _POND, 6, HEVC, ("libopus", CALM), "nature"),
    Sample("videos/city-lights.flv", "City Lights", _CITY_LIGHTS, 4, H264, ("aac", BRIGHT), "evenings"),
    Sample("videos/dunes.ts", "Dunes", _DUNES, 5, H264, ("aac", CALM), "nature"),
    Sample("videos/moonrise.avi", "Moonrise", _MOONRISE, 6, MPEG4, ("libmp3lame", DEEP), "evenings"),
    Sample("holiday 2024/petri dish.ogv", "Petri Dish", _PETRI_DISH, 10, THEORA, ("libvorbis", BRIGHT), None),
)
DUPLICATE, DUPLICATE_OF = "inbox/IMG_2041.mp4", "studios/Halden Pictures/blue-ridges.mp4"
DAMAGED, DAMAGED_FROM = "inbox/unfinished-download.mp4", "studios/Halden Pictures/evening-sun.mp4"


def make_samples(folder: Path, *, ffmpeg: str, on_progress: Callable[[int, int], None] = lambda done, total: None) -> list[Sample]:
    """Draw the sample library into `folder`, all or nothing; returns what this ffmpeg has no encoder for.

    An existing folder is left as it is: what its owner removed stays removed. Files are dated back, so that a scan
    takes none of them for one that is still being copied.
    """
    if folder.exists():
        return []
    drawable = [sample for sample in SAMPLES if sample.encoders <= _encoders(ffmpeg)]
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(lambda sample: _draw(sample, draft, ffmpeg=ffmpeg), drawable), start=1):
            on_progress(done, len(drawable))
    _add_a_duplicate_and_a_damaged_file(draft)
    _date_back(draft)
    draft.rename(folder)
    return [sample for sample in SAMPLES if sample not in drawable]


def _encoders(ffmpeg: str) -> set[str]:
    listed = subprocess.run([ffmpeg, "-hide_banner", "-encoders"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return {words[1] for line in listed.stdout.splitlines() if len(words := line.split()) > 1}


def _draw(sample: Sample, root: Path, *, ffmpeg: str) -> None:
    target = root / sample.path
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([ffmpeg, *_arguments(sample, target)], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise SamplesFailed(f"{sample.path}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'ffmpeg failed'}")


def _arguments(sample: Sample, target: Path) -> list[str]:
    sound_in, sound_out = [], ["-an"]
    if sample.sound:
        encoder, notes = sample.sound
        sound_in = ["-f", "lavfi", "-i", _chord(*notes)]
        sound_out = ["-c:a", encoder, "-b:a", "96k", "-ac", "2"]
    tags = {"title": sample.title, "artist": sample.artist}
    return [
        "-nostdin", "-hide_banner", "-v", "error", "-y", "-f", "lavfi", "-i", sample.picture, *sound_in,
        "-t", f"{sample.duration:g}", "-c:v", *sample.video, *sound_out,
        *(part for name, value in tags.items() if value for part in ("-metadata", f"{name}={value}")),
        f"file:{target}",
    ]  # fmt: skip


def _chord(*notes: float) -> str:
    """A soft chord that swells and fades, as a lavfi source."""
    voices = "+".join(f"{0.12 / len(notes):.4g}*sin({note:g}*2*PI*t)*(1+0.5*sin(t*{0.6 + 0.17 * i:.3g}))" for i, note in enumerate(notes))
    return f"aevalsrc=exprs='({voices})*min(1,t)':sample_rate=22050"


def _add_a_duplicate_and_a_damaged_file(root: Path) -> None:
    (root / "inbox").mkdir(exist_ok=True)
    if (original := root / DUPLICATE_OF).exists():
        shutil.copyfile(original, root / DUPLICATE)
    if (original := root / DAMAGED_FROM).exists():
        whole = original.read_bytes()
        (root / DAMAGED).write_bytes(whole[: len(whole) // 2])  # an MP4 keeps its index at the end: this half cannot be played


def _date_back(root: Path) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for days, path in enumerate(files, start=1):
        then = time.time() - days * DAY
        os.utime(path, (then, then))
