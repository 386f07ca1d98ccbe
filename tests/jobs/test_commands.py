"""The commands of jobs: submitting one and waiting for it, the table, and the doctor."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models.functions import Now
from pytest_django.fixtures import Settings
from redis import Redis

from jobs import claims, services
from jobs.doctor import examine
from jobs.models import Job, Lane, PeriodicTask, WorkerNode
from tests.gallery.rows import video
from tests.jobs.kinds import claimed, worker

pytestmark = pytest.mark.usefixtures("job_kinds")

DEADLINE = 60.0  # seconds


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.mark.django_db
class TestSubmitting:
    def test_params_are_given_by_name(self) -> None:
        clip = video()

        said = run("submit_job", "generate_gif", "--param", f"video_id={clip.pk}", "--param", "inPoint=1.5", "--priority", "8")

        job = Job.objects.get()
        assert said == f"Job {job.pk} (generate_gif) waits in the lane cpu.\n"
        assert (job.params["videoId"], job.params["inPoint"], job.priority) == (clip.pk, 1.5, 8)

    def test_text_that_looks_like_a_number_stays_text(self) -> None:
        run("submit_job", "small", "--param", "text=007", "--param", "number=7")

        assert Job.objects.get().params == {"number": 7, "text": "007"}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nonsense"], "There is no job type 'nonsense'. There are: "),
            (["small", "--param", "number"], "--param number: write it as number=VALUE"),
            (["small", "--param", "number=1", "--param", "number=2"], "--param number: give it once"),
            (["small", "--param", "number=many"], "number: Input should be a valid integer"),
            (["small", "--param", "colour=red"], "colour: Extra inputs are not permitted"),
            (["small", "--priority", "11"], "priority: 0 to 10"),
        ],
    )
    def test_what_is_wrong_is_said(self, arguments: list[str], said: str) -> None:
        with pytest.raises(CommandError, match=re.escape(said)):
            run("submit_job", *arguments)
        assert not Job.objects.exists()

    def test_without_a_type_it_lists_them(self) -> None:
        said = run("submit_job")

        assert "small  (cpu) Does next to nothing." in said
        (width,) = re.findall(r"^    width  .*$", said.partition("generate_gif")[2].partition("hash_videos")[0], re.MULTILINE)
        assert width.endswith("; default 480")
        assert "    videoId  the video that it is cut from; required\n" in said


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[Job], None]], None]]:
    """Do something with the job that a command has submitted, while the command waits for it."""
    threads: list[threading.Thread] = []
    problems: list[BaseException] = []

    def begin(act: Callable[[Job], None]) -> None:
        def wait_and_act() -> None:
            try:
                ends = threading.Event()
                for _ in range(int(DEADLINE / 0.05)):
                    if job := Job.objects.first():
                        return act(job)
                    ends.wait(0.05)
                raise AssertionError("no job was submitted")
            except BaseException as error:  # noqa: BLE001 - told in the test's own thread
                problems.append(error)
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=wait_and_act))
        threads[-1].start()

    yield begin

    for thread in threads:
        thread.join(DEADLINE)
    assert problems == []


@pytest.mark.django_db(transaction=True)
class TestWaiting:
    def test_it_ends_with_the_job(self, cpu_node: WorkerNode, meanwhile: Callable[..., None]) -> None:
        meanwhile(lambda job: claims.complete(claimed(cpu_node, Lane.CPU), result={"number": 4}))

        said = run("submit_job", "small", "--wait")

        assert re.match(r"Job \d+ \(small\) waits in the lane cpu.\nJob \d+ completed in ", said)
        assert json.loads(said[said.index("{") :]) == {"number": 4}

    def test_a_failure_is_its_own(self, cpu_node: WorkerNode, meanwhile: Callable[..., None]) -> None:
        def fail(job: Job) -> None:
            claims.fail(claimed(cpu_node, Lane.CPU), error="It is full.", error_class="no_space", suggestion="Free some space.")

        meanwhile(fail)

        with pytest.raises(CommandError, match=r"Job \d+ failed. It is full. Free some space.") as raised:
            run("submit_job", "small", "--wait")
        assert raised.value.returncode == 1

    def test_so_is_a_cancellation(self, meanwhile: Callable[..., None]) -> None:
        def cancel(job: Job) -> None:
            services.cancel(job.pk, by=None)

        meanwhile(cancel)

        with pytest.raises(CommandError, match=r"Job \d+ cancelled."):
            run("submit_job", "small", "--wait")


@pytest.mark.django_db
class TestTable:
    def test_lanes_running_and_waiting_jobs_are_shown(self, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        running, waiting = services.submit("model", {}), services.submit("model", {})
        claims.beat(claimed(gpu_node, Lane.GPU_AI), progress=42, speed=1.5)

        table = run("jobs", "--once")

        assert re.search(r"gpu_ai +open +1 +1 +1 +gpu-1: 2.0 GB of 8.0 GB GPU memory free", table)
        assert re.search(rf"#{running.pk} +model +42 % +1.5× .*gpu_ai on gpu-1", table)
        assert re.search(rf"#{waiting.pk} +model +1 +5 +needs 6.0 GB of GPU memory; 2.0 GB free on gpu-1, held by job {running.pk}", table)

    def test_an_idle_queue_says_so(self) -> None:
        table = run("jobs", "--once")

        assert "No worker runs, so no job will start." in table
        assert "Nothing runs." in table and "Nothing waits." in table


@pytest.fixture
def terminal(transactional_db: None) -> Iterator[Callable[..., Terminal]]:
    """Run commands of manage.py on a terminal, with the database of the test."""
    opened: list[Terminal] = []

    def terminal(*command: str) -> Terminal:
        opened.append(Terminal(*command))
        return opened[-1]

    yield terminal

    for each in opened:
        each.close()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *command: str) -> None:
        server = os.environ["DATABASE_URL"].rpartition("/")[0]  # by port, or by the folder of its socket
        environment = os.environ | {"DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}", "COLUMNS": "200", "LINES": "60"}
        self._leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=configured.BASE_DIR,
            env=environment,
            start_new_session=True,
        )
        os.close(follower)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until the text has been shown."""
        ends = time.monotonic() + DEADLINE
        while text not in self.shown:
            ready, _, _ = select.select([self._leader], [], [], max(0.0, ends - time.monotonic()))
            assert ready, f"{text!r} was not shown, but {self.shown[-2000:]!r}"
            self.shown += os.read(self._leader, 65536).decode(errors="replace")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._leader)


@pytest.mark.django_db(transaction=True)
class TestTerminal:
    def test_the_table_goes_on_until_it_is_interrupted(self, terminal: Callable[..., Terminal]) -> None:
        first = services.submit("scan", {})
        table = terminal("jobs")
        table.wait_for(f"#{first.pk}")

        second = services.submit("scan", {})
        table.wait_for(f"#{second.pk}")
        table.interrupt()
        table.wait_for("\x1b[?1049l")  # the screen that was there before

        assert table.process.wait(DEADLINE) == 0
        assert "Traceback" not in table.shown

    def test_a_job_that_is_waited_for_shows_its_progress(self, terminal: Callable[..., Terminal], cpu_node: WorkerNode) -> None:
        waiting = terminal("submit_job", "scan", "--wait")
        waiting.wait_for("no worker serves the lane cpu")

        lease = claimed(cpu_node, Lane.CPU)
        claims.beat(lease, progress=50)
        waiting.wait_for(f"{'█' * 15}{'·' * 15}  50 %")
        claims.complete(lease, result={"seen": 3})
        waiting.wait_for('"seen": 3')

        assert waiting.process.wait(DEADLINE) == 0

    def test_an_interrupted_wait_leaves_the_job_to_itself(self, terminal: Callable[..., Terminal]) -> None:
        waiting = terminal("submit_job", "scan", "--wait")
        waiting.wait_for("no worker serves the lane cpu")

        waiting.interrupt()
        waiting.wait_for("The job goes on without you")

        assert waiting.process.wait(DEADLINE) == 130
        assert Job.objects.get().status == "queued"


@pytest.mark.django_db
class TestDoctor:
    @pytest.fixture
    def examined(self, library: Path) -> Callable[[], dict[str, tuple[str, str]]]:
        """What the doctor says of each part: its level, and the sentence with the advice."""

        def examined() -> dict[str, tuple[str, str]]:
            return {finding.subject: (finding.level.value, f"{finding.sentence} {finding.advice}".strip()) for finding in examine()}

        return examined

    def test_a_healthy_library_is_ok(self, examined: Callable[..., Any], library: Path, cpu_node: WorkerNode) -> None:
        call_command("scan_library", stdout=StringIO(), stderr=StringIO())
        WorkerNode.objects.update(encoders=["libx264"])
        for lane in Lane.values:
            worker(cpu_node, lane)

        found = examined()

        assert {level for level, _ in found.values()} == {"ok"}, found
        assert found["library"] == ("ok", f"{library} is the library that we know.")
        assert found["ffmpeg"][1].startswith("ffmpeg ") and "libx264" in found["ffmpeg"][1]
        assert found["node cpu-1"] == ("ok", "no GPU, encodes with libx264.")
        assert "All is well" in run("doctor")

    def test_jobs_that_nobody_will_start_are_a_problem(self, examined: Callable[..., Any]) -> None:
        services.submit("model", {})

        found = examined()

        assert found["lane gpu_ai"] == (
            "problem",
            "1 waiting, 0 running, no worker: nothing starts. Start one: celery -A config worker -Q gpu_ai",
        )
        assert found["lane cpu"][0] == "warning"
        assert found["waiting"][1].endswith("no worker serves the lane gpu_ai.")
        with pytest.raises(CommandError, match="found"):
            run("doctor")

    def test_a_paused_lane_is_mentioned(self, examined: Callable[..., Any]) -> None:
        services.pause("cpu", by=None, reason="it is hot")

        level, said = examined()["lane cpu"]

        assert level == "warning" and "it is hot" in said

    def test_a_library_that_is_away_is_a_problem(self, examined: Callable[..., Any], settings: Settings, tmp_path: Path) -> None:
        settings.LIBRARY_ROOT = tmp_path / "unmounted"

        found = examined()

        assert found["library"][0] == found["disk (library)"][0] == "problem"
        assert "Is the disk mounted?" in found["library"][1]

    def test_another_disk_at_its_place_is_a_problem(self, examined: Callable[..., Any], library: Path, tmp_path: Path) -> None:
        call_command("scan_library", stdout=StringIO(), stderr=StringIO())
        video()
        library.rename(tmp_path / "away")
        library.mkdir()

        assert examined()["library"][0] == "problem"

    def test_a_missing_ffmpeg_is_a_problem(self, examined: Callable[..., Any], settings: Settings) -> None:
        settings.FFMPEG_BINARY = "/nowhere/ffmpeg"

        level, said = examined()["ffmpeg"]

        assert level == "problem" and said.endswith("Install ffmpeg, or set FFMPEG_BINARY.")

    def test_a_broker_that_is_away_is_a_warning(self, examined: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        away = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.25)
        monkeypatch.setattr("config.redis.client", lambda: away)

        level, said = examined()["broker"]

        assert level == "warning" and "jobs still run" in said

    def test_features_that_are_off_are_a_problem(self, examined: Callable[..., Any], settings: Settings) -> None:
        settings.ENABLE_MEDIA_FEATURES = False

        assert examined()["features"][0] == "problem"

    def test_a_clock_that_is_off_is_mentioned(self, examined: Callable[..., Any], cpu_node: WorkerNode) -> None:
        worker(cpu_node, Lane.CPU)
        WorkerNode.objects.update(clock_skew=-90.0, encoders=["libx264"])

        assert examined()["node cpu-1"] == (
            "warning",
            "Its clock is 90.0 s behind the database's. Let NTP set it; times that people read are off.",
        )

    def test_failures_and_broken_periodic_work_are_mentioned(self, examined: Callable[..., Any], cpu_node: WorkerNode) -> None:
        services.submit("small", {})
        claims.fail(claimed(cpu_node, Lane.CPU), error="It is full", error_class="no_space")
        PeriodicTask.objects.update_or_create(name="hash_videos", defaults={"error": "Traceback\nOSError: no disk"})

        found = examined()

        assert found["failed"][1].startswith("1 × no space.")
        assert "OSError: no disk" in found["periodic hash_videos"][1]

    def test_a_job_that_waits_for_days_is_mentioned(self, examined: Callable[..., Any]) -> None:
        services.submit("small", {})
        Job.objects.update(created_at=Now() - timedelta(days=3))

        level, said = examined()["waiting"]

        assert level == "warning" and "for 3 d: no worker serves the lane cpu." in said


def test_without_a_database_the_doctor_says_so_and_goes_on() -> None:
    environment = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}

    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=configured.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 1
    assert "problem  database: It does not answer" in done.stdout
    assert "Start PostgreSQL, or correct DATABASE_URL." in done.stdout
    assert "ffmpeg: ffmpeg" in done.stdout
    assert "Traceback" not in done.stderr
