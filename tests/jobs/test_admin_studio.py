"""The studio in the admin, and storyboards: choosing clips by plain forms, dry runs, the real run, and who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client

from jobs import claims, services
from jobs.models import Job, Lane, WorkerNode
from media_library.models import Compilation, Video
from tests.gallery.rows import video, video_list
from tests.jobs.kinds import claimed
from tests.jobs.test_admin_queue import words

pytestmark = pytest.mark.django_db

JOBS, STUDIO, LIBRARY = "/admin/jobs/job/", "/admin/jobs/job/studio/", "/admin/media_library/video/"
PICTURE = "data:image/jpeg;base64,AAAA"


def table(*clips: Video, act: str = "", **fields: Any) -> dict[str, Any]:
    """What the form sends with these videos on it, whole."""
    count = len(clips)
    columns = {"videoId": [clip.pk for clip in clips], "inPoint": [""] * count, "outPoint": [""] * count, "title": [""] * count}
    return {"act": act, "type": "compilation", **columns, **fields}


def titles(reply: Any) -> list[str]:
    return [str(clip.video) for clip in reply.context["draft"].clips]


def shown(job: Job, node: WorkerNode, **result: Any) -> Job:
    """A dry run that has ended so."""
    assert (job.resource_category, job.vram_required) == (Lane.CPU, 0)
    claims.complete(claimed(node, Lane.CPU), result=result)
    job.refresh_from_db()
    return job


class TestTable:
    def test_an_address_lays_videos_on_it_in_order(self, admin_client: Client) -> None:
        sea, hills = video(title="Sea"), video(title="Hills")

        reply = admin_client.get(STUDIO, {"videos": f"{hills.pk},{sea.pk},999999,x"})

        assert titles(reply) == ["Hills", "Sea"]
        assert "Clips 2, 2:00" in words(reply.content.decode())

    @pytest.mark.parametrize(
        ("act", "order"),
        [
            ("up:1", ["B", "A", "C"]),
            ("down:1", ["A", "C", "B"]),
            ("up:0", ["A", "B", "C"]),
            ("down:2", ["A", "B", "C"]),
            ("remove:1", ["A", "C"]),
            ("remove:99", ["A", "B", "C"]),
            ("down:99", ["A", "B", "C"]),
        ],
    )
    def test_each_button_works_as_a_plain_submit(self, admin_client: Client, act: str, order: list[str]) -> None:
        clips = [video(title=title) for title in "ABC"]

        assert titles(admin_client.post(STUDIO, table(*clips, act=act))) == order
        assert not Job.objects.exists()

    def test_a_search_finds_what_can_be_used_and_adds_it(self, admin_client: Client) -> None:
        sea = video(title="Sea and sand")
        video(title="Sea, gone", missing_since="2026-01-01T00:00:00Z"), video(title="Sea, broken", is_valid=False), video(title="Hills")

        found = admin_client.post(STUDIO, table(act="search", q="sea"))
        added = admin_client.post(STUDIO, table(act=f"add:{sea.pk}", q="sea"))

        assert [str(card["video"]) for card in found.context["found"]] == ["Sea and sand"]
        assert titles(added) == ["Sea and sand"]
        assert "No video matches" in admin_client.get(f"{STUDIO}found/", {"q": "zebra \x00"}).content.decode()

    def test_what_was_typed_stays_when_a_clip_moves(self, admin_client: Client) -> None:
        first, second = video(title="A"), video(title="B")
        typed = {"inPoint": ["0:07.5", ""], "outPoint": ["1:00", "nonsense"], "title": ["Wave", ""], "join-transition": "crossfade"}

        page = admin_client.post(STUDIO, table(first, second, act="down:0", **typed)).content.decode()

        assert page.index('value="nonsense"') < page.index('value="0:07.5"') < page.index('value="Wave"')
        assert '<option value="crossfade" selected>' in page

    def test_a_film_has_at_most_200_clips(self, admin_client: Client) -> None:
        clips = video_list(201)

        assert len(titles(admin_client.get(STUDIO, {"videos": ",".join(str(clip.pk) for clip in clips)}))) == 200
        assert len(titles(admin_client.post(STUDIO, table(*clips[:200], act=f"add:{clips[200].pk}")))) == 200
        assert admin_client.post(STUDIO, table(*clips)).status_code == 400

    @pytest.mark.parametrize(
        "posted",
        [
            {"videoId": ["1"]},
            {"videoId": ["x"], "inPoint": [""], "outPoint": [""], "title": [""]},
            {"type": "scan"},
            {"type": "\x00"},
            {"act": "burn:1"},
        ],
    )
    def test_what_no_form_sends_is_refused(self, admin_client: Client, posted: dict[str, Any]) -> None:
        assert admin_client.post(STUDIO, posted).status_code == 400

    @pytest.mark.parametrize("query", ["job=x", "job=999999999999999999999", "type=nonsense", "videos=%00,-1,١", "compilation=x"])
    def test_an_address_that_names_nothing_breaks_nothing(self, admin_client: Client, query: str) -> None:
        assert admin_client.get(f"{STUDIO}?{query}").status_code in (200, 404)
        assert admin_client.get(f"{STUDIO}clip/?video={query}").status_code == 404


class TestStarting:
    def test_the_film_is_what_the_table_says(self, admin_client: Client, admin_user: User) -> None:
        sea, hills = video(title="Sea"), video(title="Hills")
        typed = {"inPoint": ["0:07.5", ""], "outPoint": ["12,25", ""], "title": ["Wave", ""], "join-transition": "crossfade"}

        reply = admin_client.post(STUDIO, table(sea, hills, act="start", **typed))

        job = Job.objects.get()
        assert reply["Location"] == f"{STUDIO}?job={job.pk}#live-job"
        assert (job.type, job.submitted_by, job.resource_category) == ("compilation", admin_user, "gpu_encode")
        assert (job.params["transition"], job.params["dryRun"]) == ("crossfade", False)
        wave, whole = job.params["clips"]
        assert wave == {"videoId": sea.pk, "inPoint": 7.5, "outPoint": 12.25, "title": "Wave"}
        assert whole == {"videoId": hills.pk, "inPoint": 0.0, "outPoint": None, "title": ""}

    def test_a_layout_has_a_style_of_its_own(self, admin_client: Client) -> None:
        clips = [video(), video()]

        admin_client.post(STUDIO, table(*clips, act="start", type="compile_side_by_side", **{"layout-sound": "mixed", "join-quality": "x"}))

        assert Job.objects.get().params["sound"] == "mixed"

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"inPoint": ["soon", ""]}, "Write a moment as 1:25.4, or as seconds."),
            ({"inPoint": ["9", ""], "outPoint": ["3", ""]}, "outPoint must come after inPoint"),
            ({"title": ["x" * 201, ""]}, "at most 200 characters"),
            ({"type": "compile_quad"}, "This shows 4 clips at once; there are 2."),
            ({"join-width": "640"}, "Width and height go together"),
            ({"join-quality": "99"}, "less than or equal to 34"),
            ({"title": ["\x00", ""]}, "NUL characters cannot be stored."),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_lost(self, admin_client: Client, fields: dict[str, Any], said: str) -> None:
        clips = [video(title="A"), video(title="B")]

        reply = admin_client.post(STUDIO, table(*clips, act="start", **fields))

        assert said in reply.content.decode()
        assert titles(reply) == ["A", "B"]
        assert not Job.objects.exists()

    def test_an_empty_table_makes_no_film(self, admin_client: Client) -> None:
        assert "Choose at least one clip." in admin_client.post(STUDIO, table(act="storyboard")).content.decode()

    def test_a_job_stays_on_the_table_and_its_state_follows(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        clip, film = video(title="Sea"), video(title="The film")
        admin_client.post(STUDIO, table(clip, act="start", **{"outPoint": ["9"], "join-fill": "blur"}))
        job = Job.objects.get()

        reply = admin_client.get(STUDIO, {"job": job.pk})
        assert titles(reply) == ["Sea"]
        assert 'value="0:09"' in reply.content.decode() and '<option value="blur" selected>' in reply.content.decode()

        claims.complete(claimed(cpu_node, Lane.GPU_ENCODE), result={"videoIds": [film.pk]})
        section = admin_client.get(f"{STUDIO}{job.pk}/state/").json()["sections"]["job"]
        assert f"{LIBRARY}{film.pk}/change/" in section and "completed" in section


class TestCompilations:
    def test_one_that_was_made_is_opened_again(self, admin_client: Client) -> None:
        clip = video(title="Sea")
        params = {"clips": [{"videoId": clip.pk, "inPoint": 1.25, "outPoint": 3.0, "title": "Wave"}], "transition": "crossfade"}
        kept = Compilation.objects.create(filename="film.mp4", path=clip.path, settings={"type": "compilation", "params": params})

        reply = admin_client.get(STUDIO, {"compilation": kept.pk})

        (draft,) = reply.context["draft"].clips
        assert (draft.in_point, draft.out_point, draft.title) == ("0:01.25", "0:03", "Wave")
        assert '<option value="crossfade" selected>' in reply.content.decode()
        assert f"?compilation={kept.pk}" in admin_client.get(STUDIO).content.decode()
        assert f"?compilation={kept.pk}" in admin_client.get(f"{LIBRARY}{clip.pk}/change/").content.decode()

    @pytest.mark.parametrize("kept", [{}, [], {"type": "compilation", "params": 7}, {"type": "scan", "params": {}}, {"type": None}])
    def test_one_that_says_nothing_of_how_it_was_made_is_not(self, admin_client: Client, kept: Any) -> None:
        row = Compilation.objects.create(filename="film.mp4", settings=kept)

        assert "It cannot be opened" in admin_client.get(STUDIO, {"compilation": row.pk}).content.decode()


class TestStoryboards:
    def test_a_form_asks_for_one_and_the_jobs_page_shows_it(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        clip = video(title="Harbour <1>")
        form = {"videoId": clip.pk, "inPoint": "1.5", "width": "320", "job-priority": "7", "look-first": "yes"}

        reply = admin_client.post(f"{JOBS}add/?type=generate_gif", form)
        found = {"inPoint": 1.5, "duration": 3.0, "width": 320, "fps": 12, "estimatedSize": 512_000, "isTrimmed": False}
        job = shown(Job.objects.get(), cpu_node, **found, thumbnails=[{"time": 2.25, "picture": PICTURE}])

        page = admin_client.get(reply["Location"]).content.decode()
        assert f'<img src="{PICTURE}" alt="Harbour &lt;1&gt; at 0:02.25">' in page
        assert "Length 0:03 Size 320 pixels wide Pictures 12 a second File about 500.0" in words(page)
        assert job.params["dryRun"] is True
        assert page.count(PICTURE) == 1

    def test_it_is_started_with_the_very_params(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        clip = video()
        asked = {"videoId": clip.pk, "inPoint": 2, "fps": 7, "dryRun": True}
        job = shown(services.submit("generate_gif", asked, priority=8), cpu_node, duration=3.0, thumbnails=[])

        reply = admin_client.post(f"{JOBS}{job.pk}/run/")

        real = Job.objects.exclude(pk=job.pk).get()
        assert reply["Location"] == f"{JOBS}{real.pk}/change/"
        assert (real.params, real.priority) == ({**job.params, "dryRun": False}, 8)

    def test_what_chance_chose_is_chosen_again(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        job = shown(services.submit("compile_random", {"dryRun": True}), cpu_node, seed=41, duration=9.0, clips=[])

        admin_client.post(f"{JOBS}{job.pk}/run/")

        real = Job.objects.exclude(pk=job.pk).get()
        assert (real.params["seed"], real.params["dryRun"], real.resource_category) == (41, False, "gpu_encode")

    def test_or_it_is_changed_first(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        clip = video(title="Sea")
        gif = services.submit("generate_gif", {"videoId": clip.pk, "fps": 7, "dryRun": True})
        film = services.submit("compilation", {"clips": [{"videoId": clip.pk}], "dryRun": True})

        pages = [words(admin_client.get(f"{JOBS}{job.pk}/change/").content.decode()) for job in (gif, film)]
        again = admin_client.get(f"{JOBS}add/", {"type": "generate_gif", "like": str(gif.pk)}).content.decode()

        assert all("Change" in page for page in pages)
        assert "clips (1), dry run" in pages[1]
        assert 'name="fps" value="7"' in again
        assert titles(admin_client.get(STUDIO, {"job": film.pk})) == ["Sea"]

    @pytest.mark.parametrize("result", [None, {}, {"clips": 7, "duration": 1}, {"duration": "long"}, {"duration": 1, "thumbnails": [{}]}])
    def test_a_result_without_one_shows_none(self, admin_client: Client, cpu_node: WorkerNode, result: Any) -> None:
        job = services.submit("generate_gif", {"videoId": video().pk, "dryRun": True})
        claims.complete(claimed(cpu_node, Lane.CPU), result=result)

        page = admin_client.get(f"{JOBS}{job.pk}/change/")

        assert page.status_code == 200 and 'class="storyboard"' not in page.content.decode()

    def test_only_a_completed_dry_run_is_run(self, admin_client: Client) -> None:
        clip = video()
        waiting = services.submit("generate_gif", {"videoId": clip.pk, "dryRun": True})
        real = services.submit("generate_gif", {"videoId": clip.pk})

        for job, said in ((waiting, "The dry run is queued"), (real, "The job was no dry run")):
            reply = admin_client.post(f"{JOBS}{job.pk}/run/")
            assert said in str(list(get_messages(reply.wsgi_request))[-1])
        assert Job.objects.count() == 2
        assert admin_client.get(f"{JOBS}{waiting.pk}/run/").status_code == 405


class TestActionsOfTheLibrary:
    @pytest.fixture
    def choose(self, admin_client: Client) -> Callable[..., Any]:
        def choose(action: str, *videos: Video) -> Any:
            return admin_client.post(LIBRARY, {"action": action, "index": "0", "_selected_action": [row.pk for row in videos]})

        return choose

    def test_a_selection_is_laid_on_the_table(self, choose: Callable[..., Any]) -> None:
        older, newer = video(), video()

        assert choose("compile", older, newer)["Location"] == f"{STUDIO}?videos={newer.pk},{older.pk}"

    def test_a_gif_is_made_of_one(self, choose: Callable[..., Any]) -> None:
        one, other = video(), video()

        assert choose("gif", one)["Location"] == f"{JOBS}add/?type=generate_gif&videoId={one.pk}"
        assert "Select one" in str(list(get_messages(choose("gif", one, other).wsgi_request))[-1])

    def test_too_many_are_refused(self, choose: Callable[..., Any]) -> None:
        assert "200 clips at most" in str(list(get_messages(choose("compile", *video_list(201)).wsgi_request))[-1])


def test_only_who_may_add_jobs_makes_films(client: Client, cpu_node: WorkerNode) -> None:
    clip = video()
    job = shown(services.submit("generate_gif", {"videoId": clip.pk, "dryRun": True}), cpu_node, duration=3.0, thumbnails=[])
    onlooker = User.objects.create_user("onlooker", is_staff=True)
    onlooker.user_permissions.set(Permission.objects.filter(codename__in=["view_job", "change_job", "view_video", "change_video"]))
    client.force_login(onlooker)

    for address in (STUDIO, f"{STUDIO}clip/?video={clip.pk}", f"{STUDIO}found/", f"{STUDIO}{job.pk}/state/"):
        assert client.get(address).status_code == 403
    assert client.post(STUDIO, table(clip, act="start")).status_code == 403
    assert client.post(f"{JOBS}{job.pk}/run/").status_code == 403
    page = client.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert 'form="run"' not in page and "?type=" not in page
    assert "Compile" not in client.get(LIBRARY).content.decode()
    onlooker.user_permissions.set(Permission.objects.filter(codename="add_job"))  # who may not see the library finds nothing in it
    assert client.get(f"{STUDIO}found/").status_code == 403
    assert Job.objects.count() == 1
