"""The search page and the status page in a real browser, with the real service.

DEJABUG_TEST_PICTURES names a folder in which screenshots are saved.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from dejabug.records.types import ClipStatus
from dejabug.services import ModelServices, Services
from dejabug.web import heat_maps
from support.browsers import APART, HEAT, OVER_CLIPS, PICTURES, PageDesk, Service
from support.demo_clips import CAMERA, COURT, COWS, PLACEHOLDER, QUIET
from support.jira_site import Site
from support.made_clips import BLACK, LEFT_OUT
from support.parts import use_settings
from support.search_worker import searching
from support.tickets import history, tell
from support.waiting import wait_until
from support.workers import work

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def environment(environment: dict[str, str], service_url: str) -> dict[str, str]:
    more = {"DEJABUG_PUBLIC_URL": service_url, "DEJABUG_API_REQUESTS_PER_MINUTE": "10000"}
    return {**environment, **more}


@pytest.fixture(params=["light"])
def desk(
    browser: Browser, services: Services, service: Service, service_url: str, request: Any
) -> Iterator[PageDesk]:
    context = browser.new_context(
        viewport={"width": 1240, "height": 860}, color_scheme=request.param
    )
    secret, _ = services.tokens.create("Tess", ["GAME"], verdicts=True)
    found = PageDesk(context.new_page(), service_url, secret)
    with searching(services):
        yield found
    context.close()
    assert found.complaints == []


@pytest.fixture
def keys(services: Services, jira: Site, clips: Path) -> list[str]:
    """Old tickets: three of cows, one of something else."""
    found = history(services, jira, clips, COWS[0], COWS[1], PLACEHOLDER[0], QUIET)
    done = {"status": {"name": "Done"}, "resolution": {"name": "Fixed"}}
    jira.call("PUT", f"/rest/api/2/issue/{found[0]}", json={"fields": done})
    return found


def ready(services: Services) -> None:
    """Make the previews that were asked for."""
    wait_until(lambda: services.queues.get("previews").count)
    work(services, previews=True)


def test_words_find_clips_that_play_from_their_moment(
    desk: PageDesk, keys: list[str], services: Services
) -> None:
    desk.sign_in()
    desk.keep("page-welcome")
    desk.ask("herd of cows everywhere")
    card = desk.card(keys[0])
    expect(card.locator(".picture")).to_have_js_property("complete", True)
    wait_until(lambda: card.locator(".picture").evaluate("each => each.naturalWidth"))
    assert card.locator(".mark").count() == 1
    link = card.get_by_role("link", name=keys[0])
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener")
    expect(card).to_contain_text("Done")
    card.locator(".clip").hover()
    expect(card.locator("img.flip")).to_be_visible()  # no preview yet: a flip-book
    ready(services)
    desk.page.mouse.move(0, 0)
    expect(card.locator("img.flip")).to_have_count(0)
    desk.page.wait_for_timeout(2600)
    card.locator(".clip").hover()
    video = card.locator("video")
    wait_until(lambda: video.evaluate("each => !each.paused && each.currentTime > 0"))
    start = float(card.locator(".time").text_content().split("/")[0].split(":")[1])  # type: ignore[union-attr]
    assert video.evaluate("each => each.currentTime") >= start - 0.6
    desk.keep("page-results")
    desk.page.mouse.move(0, 0)
    expect(video).to_have_count(0)


def test_less_motion_means_none(desk: PageDesk, keys: list[str]) -> None:
    desk.page.emulate_media(reduced_motion="reduce")
    desk.sign_in("/?q=meadow")
    card = desk.card(keys[0])
    card.locator(".clip").hover()
    desk.page.wait_for_timeout(500)
    expect(card.locator("video, img.flip")).to_have_count(0)


def test_a_key_opens_both_clips_in_step(
    desk: PageDesk, keys: list[str], services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    work(services, previews=True)
    desk.sign_in()
    desk.ask(key.lower())
    first = desk.page.locator("li.card").first
    expect(first).to_have_attribute("data-key", re.compile(f"{keys[0]}|{keys[1]}"))
    ready(services)
    for clip_id in services.collections.active.catalogue.clip_ids_of(str(jira.issue(key)["id"])):
        services.preview_maker.request(clip_id, awaited=True)
    work(services, previews=True)
    desk.page.wait_for_timeout(2600)
    first.locator(".clip").click()
    videos = desk.page.locator("#compare video")
    expect(videos).to_have_count(2)
    told = desk.page.evaluate(
        f"fetch('/api/v1/issues/{key}/similar').then(answer => answer.json())"
        ".then(told => told.results[0].moments[0])"
    )
    times = "[...document.querySelectorAll('dialog video')].map((each) => each.currentTime)"
    wait_until(lambda: desk.page.evaluate(times)[0] > told["here_at"] + 0.4)

    def in_step() -> bool:
        here, there = desk.page.evaluate(times)
        return abs((there - here) - (told["there_at"] - told["here_at"])) < APART

    for _ in range(5):
        wait_until(in_step)  # on a busy machine one may lag for a moment; it is caught up with
        desk.page.wait_for_timeout(100)
    dialog = desk.page.locator("#compare")
    dialog.get_by_role("button", name="Pause both clips").click()
    for caption, name in zip(dialog.locator("figcaption").all(), (key, keys[0]), strict=True):
        link = caption.get_by_role("link")
        expect(link).to_have_text(re.compile(f"{name}|{keys[1]}"))
        expect(link).to_have_attribute("href", re.compile("/browse/GAME-"))
    assert desk.page.evaluate(OVER_CLIPS) == []
    assert desk.flaws() == []
    desk.keep("page-compare")
    assert "open=" in desk.page.url
    desk.page.go_back()
    expect(desk.page.locator("#compare")).to_be_hidden()


@pytest.fixture
def compared(desk: PageDesk, keys: list[str], services: Services, jira: Site, clips: Path) -> str:
    """A new ticket of cows, whose first result is open in the player; its key."""
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    work(services, previews=True)
    desk.page.emulate_media(reduced_motion="reduce")
    desk.sign_in(f"/?q={key}")
    desk.card(keys[0]).locator(".clip").click()
    expect(desk.page.locator("#compare .player")).to_be_focused()
    return key


def shared_time(desk: PageDesk) -> float:
    """Where the slider is: seconds from the matching moment."""
    return float(desk.page.locator("#compare input[type=range]").input_value())


def test_the_player_steps_seeks_loops_and_changes_its_speed(desk: PageDesk, compared: str) -> None:
    dialog, press = desk.page.locator("#compare"), desk.page.keyboard.press
    expect(dialog.get_by_role("button", name="Play both clips")).to_be_visible()  # less motion
    assert shared_time(desk) == 0
    press("ArrowRight")
    assert shared_time(desk) == pytest.approx(1, abs=0.01)
    press(",")
    before = shared_time(desk)
    assert before < 1
    dialog.get_by_role("button", name="Next frame").click()
    assert shared_time(desk) > before
    dialog.get_by_role("button", name="Matching moment").click()
    assert shared_time(desk) == 0
    for name in ("0.25×", "2×"):
        dialog.get_by_role("button", name=name, exact=True).click()
        expect(dialog.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
    dialog.get_by_role("button", name="Loop moment").click()
    expect(dialog.get_by_role("button", name="Pause both clips")).to_be_visible()
    times = [shared_time(desk)]
    wait_until(lambda: times.append(shared_time(desk)) or times[-1] < times[-2])
    press("Space")
    press("?")
    expect(dialog.get_by_text("Previous or next frame")).to_be_visible()
    desk.keep("page-player-keys")
    assert desk.flaws() == []


def test_not_a_duplicate_is_asked_for_saved_and_taken_out_of_the_list(
    desk: PageDesk, compared: str, keys: list[str], services: Services
) -> None:
    dialog = desk.page.locator("#compare")
    dialog.get_by_role("button", name=f"Not a duplicate: {keys[0]}").click()
    expect(dialog.get_by_text(f"Mark {keys[0]} as not a duplicate?")).to_be_visible()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    desk.keep("page-verdict-asked")
    assert desk.flaws() == []
    desk.page.keyboard.press("Escape")  # the question goes, and the player stays
    expect(dialog.get_by_text(f"Mark {keys[0]} as not a duplicate?")).to_be_hidden()
    expect(dialog.locator(".player")).to_be_visible()
    dialog.get_by_role("button", name="Not a duplicate").click()
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.get_by_text(f"Saved: {keys[0]} won't be suggested")).to_be_visible()
    desk.keep("page-verdict-saved")
    assert desk.flaws() == []
    assert verdict_on(services, compared, keys[0]) is False
    desk.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(desk.card(keys[0])).to_have_count(0)
    desk.page.reload()
    expect(desk.card(keys[1])).to_be_visible()
    expect(desk.card(keys[0])).to_have_count(0)


def test_same_bug_is_saved(
    desk: PageDesk, compared: str, keys: list[str], services: Services
) -> None:
    dialog = desk.page.locator("#compare")
    dialog.get_by_role("button", name=f"Same bug: {compared} and {keys[0]}").click()
    expect(dialog.get_by_text("are the same bug")).to_be_visible()
    expect(dialog.get_by_role("button", name="Marked as the same bug")).to_be_visible()
    assert verdict_on(services, compared, keys[0]) is True


def verdict_on(services: Services, first: str, second: str) -> bool | None:
    ids = [services.collections.active.catalogue.issue_by_key(key) for key in (first, second)]
    found = services.records.verdicts.of_pair(*(each.id for each in ids if each))
    return None if found is None else found.same


def test_a_verdict_that_is_refused_says_why(
    desk: PageDesk, compared: str, keys: list[str], services: Services
) -> None:
    for token in services.tokens.all():
        services.tokens.keep("a digest", replace(token, verdicts=False))
    dialog = desk.page.locator("#compare")
    dialog.get_by_role("button", name="Same bug").click()
    expect(dialog.get_by_role("alert")).to_contain_text("can't record verdicts")
    assert verdict_on(services, compared, keys[0]) is None


def test_a_preview_that_gets_ready_takes_the_place_of_the_frames(
    desk: PageDesk, keys: list[str], services: Services
) -> None:
    desk.page.emulate_media(reduced_motion="reduce")
    desk.sign_in(f"/?q={keys[0]}")
    desk.card(keys[1]).locator(".clip").click()
    dialog = desk.page.locator("#compare")
    expect(dialog.get_by_text("the preview is being generated")).to_have_count(2)
    desk.page.keyboard.press("ArrowRight")
    before = dialog.locator("input[type=range]").input_value()
    ready(services)
    expect(dialog.locator("video")).to_have_count(2)
    expect(dialog.locator("input[type=range]")).to_have_value(before)


def test_verdicts_are_offered_between_two_tickets_to_those_who_may_give_them(
    desk: PageDesk, keys: list[str], services: Services
) -> None:
    dialog = desk.page.locator("#compare")
    desk.sign_in("/?q=meadow")  # words are no ticket
    desk.card(keys[0]).locator(".clip").click()
    expect(dialog.locator(".player")).to_be_visible()
    expect(dialog.get_by_text("Likely match")).to_be_visible()
    expect(dialog.get_by_role("button", name="Same bug")).to_have_count(0)
    expect(dialog.get_by_text("the preview is being generated")).to_be_visible()
    desk.keep("page-player-words")
    desk.page.keyboard.press("Escape")
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.get_by_label("API token")).to_be_visible()
    secret, _ = services.tokens.create("Reader", ["GAME"])
    PageDesk(desk.page, desk.url, secret).sign_in(f"/?q={keys[0]}")
    desk.card(keys[1]).locator(".clip").click()
    expect(dialog.locator(".player")).to_be_visible()
    expect(dialog.get_by_role("button", name="Same bug")).to_have_count(0)


def test_heat_maps_lie_over_both_clips_of_a_result(
    desk: PageDesk, services: Services, jira: Site, clips: Path
) -> None:
    (old, *_) = history(services, jira, clips, CAMERA[0], *COURT)
    key = jira.file("GAME", "Stuck in third person in the brown court of E1M6", clips / CAMERA[1])
    tell(services, jira, key)
    desk.sign_in()
    desk.ask(key)
    desk.card(old).locator(".clip").click()
    dialog = desk.page.locator("#compare")
    expect(dialog.locator("canvas")).to_have_count(0)
    dialog.get_by_role("button", name="What matches").click()
    expect(dialog.locator("canvas")).to_have_count(2)
    expect(dialog.get_by_role("button", name="Play both clips")).to_be_visible()
    expect(dialog.locator("canvas").first).to_have_attribute("aria-label", re.compile("strongest"))
    for seen in desk.page.evaluate(HEAT):
        assert seen["colours"] > 50
        assert seen["apart"] < 1
        assert seen["bent"] == pytest.approx(1, abs=0.02)
    desk.keep("page-heat-matching")
    for scheme in ("light", "dark"):
        desk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert desk.flaws() == []
    dialog.get_by_role("button", name="What is unusual here").focus()
    desk.page.keyboard.press("Enter")
    expect(dialog.get_by_text("not seen in clips of other tickets")).to_be_visible()
    desk.keep("page-heat-unusual")
    dialog.locator(".player").focus()
    desk.page.keyboard.press("ArrowRight")
    expect(dialog.locator("canvas")).to_have_count(0)
    dialog.get_by_role("button", name="Show the heat map").click()
    expect(dialog.locator("canvas")).to_have_count(2)
    dialog.get_by_role("button", name="Off").click()
    expect(dialog.locator("canvas")).to_have_count(0)


def test_a_heat_map_that_cannot_be_drawn_can_be_tried_again(
    desk: PageDesk, keys: list[str], services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "cows", clips / COWS[2])
    tell(services, jira, key)
    desk.sign_in()
    desk.ask(key)
    desk.page.locator("li.card .clip").first.click()
    dialog = desk.page.locator("#compare")
    with heat_maps.AT_ONCE, heat_maps.AT_ONCE:
        dialog.get_by_role("button", name="What matches").click()
        expect(dialog.get_by_text("The heat map could not be drawn.")).to_be_visible()
    dialog.get_by_role("button", name="Try again").click()
    expect(dialog.locator("canvas")).to_have_count(2)


@pytest.fixture
def reading(services: ModelServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Uploaded clips are read only once this is set."""
    go_on, sample = threading.Event(), services.clip_indexer.sample

    def held(*arguments: Any, **options: Any) -> Any:
        assert go_on.wait(30)
        return sample(*arguments, **options)

    monkeypatch.setattr(services.clip_indexer, "sample", held)
    yield go_on
    go_on.set()


def uploads_known(services: Services) -> list[Any]:
    """What there is of uploads: in Redis, and on disk."""
    files = (services.settings.data_dir / "uploads").glob("*")
    return [*services.redis.keys("dejabug:upload:*"), *files]


# Drags a file over the page and drops it there: its name, and its bytes in base 64.
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  window.dragged = new DataTransfer();
  dragged.items.add(new File([bytes], name, { type: "video/mp4" }));
  window.drag = (kind) => document.getElementById("main").dispatchEvent(
    new DragEvent(kind, { dataTransfer: dragged, bubbles: true, cancelable: true }));
  drag("dragenter");
  return drag("dragover");
}"""
STREAM = "text/event-stream"


def test_a_clip_that_is_dropped_shows_how_far_it_is_and_is_compared(
    desk: PageDesk, keys: list[str], clips: Path, reading: threading.Event
) -> None:
    desk.sign_in()
    page, content = desk.page, base64.b64encode((clips / COWS[2]).read_bytes()).decode()
    assert page.evaluate(DROP, [COWS[2], content]) is False  # the page takes what is dragged
    expect(page.get_by_text("Drop a clip or screenshot to search with it")).to_be_visible()
    desk.keep("page-drop")
    with page.expect_response(lambda answer: STREAM in answer.headers["content-type"]):
        page.evaluate("drag('drop')")
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#upload-text")).to_have_text("Reading the clip…")
    desk.keep("page-progress")
    reading.set()
    first = page.locator("li.card").first
    expect(first).to_have_attribute("data-key", re.compile(f"{keys[0]}|{keys[1]}"))
    expect(page.locator("#upload")).to_be_hidden()
    assert "job=" in page.url
    first.locator(".clip").click()
    expect(page.locator("#compare figure")).to_have_count(2)
    expect(page.locator("#compare figcaption").first).to_have_text(f"Your clip{COWS[2]}")
    expect(page.locator("#compare figcaption").last.get_by_role("link")).to_be_visible()
    video = page.locator("#compare video").first
    wait_until(lambda: video.evaluate("each => each.currentTime > 0 && each.videoWidth > 0"))
    desk.keep("page-upload")


def test_a_clip_of_which_frames_are_left_out_says_so_in_a_sentence(
    desk: PageDesk, keys: list[str], loading: Path, black: Path
) -> None:
    desk.sign_in()
    page = desk.page
    page.locator("#file").set_input_files(loading)
    note = page.locator("#note")
    expect(note).to_contain_text(f"About your clip: {LEFT_OUT}.")
    desk.keep("page-upload-note")
    page.locator("#file").set_input_files(black)
    says = f"Can't search with this clip: the image is {BLACK}. Try another clip"
    expect(page.get_by_role("alert")).to_contain_text(says)
    desk.keep("page-upload-blank")


def test_an_upload_is_filtered_and_reloaded_without_being_sent_again(
    desk: PageDesk, keys: list[str], clips: Path, services: Services
) -> None:
    desk.sign_in()
    page, sent = desk.page, []
    page.on("request", lambda each: sent.append(each.url) if each.method == "POST" else None)
    page.locator("#file").set_input_files(clips / COWS[2])
    expect(page.locator("li.card")).to_have_count(4)
    page.locator("#filters > summary").click()
    page.locator("#pick-status summary").click()
    page.get_by_label("Done", exact=True).check()
    expect(page.locator("li.card")).to_have_count(1)
    expect(desk.card(keys[0])).to_be_visible()
    assert re.search(r"\?job=\w+&status=Done$", page.url)
    assert len(sent) == 1
    page.keyboard.press("Escape")
    desk.card(keys[0]).locator(".clip").click()
    expect(page.locator("#compare figure")).to_have_count(2)  # the clip is still this page's
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("open="))
    page.reload()
    expect(page.locator("#note")).to_contain_text("Your clip was deleted after the comparison")
    desk.card(keys[0]).locator(".clip").click()
    expect(page.locator("#compare figure")).to_have_count(1)
    expect(page.locator("#compare")).to_contain_text("Your clip is not stored. It matches from 0:0")
    desk.keep("page-upload-reloaded")


def test_a_clip_that_is_given_up_is_forgotten(
    desk: PageDesk, clips: Path, services: Services, reading: threading.Event
) -> None:
    desk.sign_in()
    desk.page.locator("#file").set_input_files(clips / COWS[0])
    expect(desk.page.locator("#upload-text")).to_have_text("Reading the clip…")
    assert uploads_known(services)
    desk.page.get_by_role("button", name="Cancel").click()
    expect(desk.page.get_by_role("heading", name="Have we seen")).to_be_visible()
    expect(desk.page.locator("#upload")).to_be_hidden()
    wait_until(lambda: not uploads_known(services))
    reading.set()
    wait_until(lambda: not services.queues.get("search").started_job_registry.count)
    assert uploads_known(services) == []


def test_a_clip_that_is_given_up_while_it_is_sent_is_not_kept(
    desk: PageDesk, services: Services, tmp_path: Path
) -> None:
    desk.sign_in()
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * 3_000_000)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    desk.page.context.new_cdp_session(desk.page).send("Network.emulateNetworkConditions", slow)
    desk.page.locator("#file").set_input_files(large)
    expect(desk.page.locator("#upload-text")).to_have_text("Uploading large.mp4…")
    bar = desk.page.locator("#upload-bar")
    wait_until(lambda: 0 < bar.evaluate("each => each.value") < 100)
    wait_until(lambda: uploads_known(services))
    desk.page.get_by_role("button", name="Cancel").click()
    wait_until(lambda: not uploads_known(services))
    expect(desk.page.locator("#upload")).to_be_hidden()
    assert services.queues.get("search").count == 0


def test_what_is_no_clip_says_what_to_do(
    desk: PageDesk, services: Services, tmp_path: Path
) -> None:
    few = services.settings.model_copy(update={"upload_max_bytes": 2**20})
    use_settings(services, few)
    desk.sign_in()
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"PK\x03\x04 this is a zip")
    desk.page.locator("#file").set_input_files(bad)
    expect(desk.page.get_by_role("alert")).to_contain_text("Try another clip")
    expect(desk.page.locator("#said")).to_have_text("")
    expect(desk.page.get_by_role("button", name="Try again")).to_be_hidden()
    desk.keep("page-error")
    bad.write_bytes(b"x" * (2**20 + 1))
    desk.page.locator("#file").set_input_files(bad)
    expect(desk.page.get_by_role("alert")).to_contain_text(
        "This clip has 2 MiB; the limit is 1 MiB"
    )


def test_more_follows_on(desk: PageDesk, keys: list[str]) -> None:
    def few(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=24", "limit=3"))

    desk.page.route("**/api/v1/search?*", few)
    desk.sign_in("/?q=meadow")
    cards = desk.page.locator("li.card")
    expect(cards).to_have_count(3)
    expect(desk.page.get_by_text("3 or more tickets")).to_be_visible()
    desk.page.get_by_role("button", name="More").click()
    expect(cards).to_have_count(4)
    expect(cards.nth(3).locator(".clip")).to_be_focused()
    expect(desk.page.get_by_role("button", name="More")).to_be_hidden()
    assert len({card.get_attribute("data-key") for card in cards.all()}) == 4


def test_a_ticket_whose_clip_is_still_being_read_says_so(
    desk: PageDesk, keys: list[str], services: Services, jira: Site
) -> None:
    clip = services.collections.active.catalogue.clips_of(str(jira.issue(keys[0])["id"]))[0]
    services.collections.active.catalogue.put_clip(replace(clip, status=ClipStatus.QUEUED))
    desk.sign_in(f"/?q={keys[0]}")
    expect(desk.page.locator("#note")).to_contain_text("still being indexed. Try again")
    services.collections.active.catalogue.put_clip(clip)
    desk.page.get_by_role("button", name="Search", exact=True).click()  # the same question again
    expect(desk.page.locator("#note")).to_be_hidden()
    expect(desk.page.locator("li.card").first).to_have_attribute("data-key", keys[1])


def test_addresses_can_be_shared_and_back_works(desk: PageDesk, keys: list[str]) -> None:
    desk.sign_in("/?q=meadow&status=Done")
    expect(desk.page.locator("li.card")).to_have_count(1)
    expect(desk.card(keys[0])).to_be_visible()
    expect(desk.page.locator("#pick-status .chosen")).to_have_text("Done")
    desk.page.get_by_role("button", name="Clear filters").click()
    expect(desk.page.locator("li.card")).to_have_count(4)
    assert desk.page.url.endswith("/?q=meadow")
    desk.page.go_back()
    expect(desk.page.locator("li.card")).to_have_count(1)
    desk.page.go_forward()
    expect(desk.page.locator("li.card")).to_have_count(4)


def test_filters_take_several_values_by_keyboard_and_in_the_address(
    desk: PageDesk, keys: list[str]
) -> None:
    desk.sign_in("/?q=meadow")
    expect(desk.page.locator("li.card")).to_have_count(4)
    desk.page.locator("#filters > summary").click()
    status = desk.page.locator("#pick-status")
    status.locator("summary").focus()
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.press("Tab")
    expect(status.get_by_label("Done", exact=True)).to_be_focused()
    desk.page.keyboard.press("Space")
    expect(desk.page.locator("li.card")).to_have_count(1)
    expect(status.get_by_label("Done", exact=True)).to_be_focused()
    desk.keep("page-filters")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Space")
    expect(desk.page.locator("li.card")).to_have_count(4)
    assert desk.page.url.endswith("/?q=meadow&status=Done&status=Open")
    expect(status.locator(".chosen")).to_have_text("Done, Open")
    status.get_by_label("Other status").fill("In Review")
    desk.page.keyboard.press("Enter")
    expect(desk.page).to_have_url(re.compile("status=Done&status=In.Review&status=Open"))
    desk.page.keyboard.press("Escape")
    expect(status.locator(".list")).to_be_hidden()
    expect(status.locator("summary")).to_be_focused()
    desk.page.reload()
    expect(status.locator(".chosen")).to_have_text("Done, In Review, Open")
    expect(desk.page.locator("li.card")).to_have_count(4)


def test_nothing_found_and_errors_say_what_to_do(desk: PageDesk, keys: list[str]) -> None:
    desk.sign_in("/?q=meadow&game=Nowhere")
    expect(desk.page.get_by_text("Remove a filter and search again")).to_be_visible()
    desk.keep("page-empty")
    desk.page.get_by_role("button", name="Clear filters").click()
    expect(desk.card(keys[0])).to_be_visible()
    desk.ask("GAME-999")
    expect(desk.page.get_by_role("alert")).to_have_text(
        re.compile(r"^\s*GAME-999 isn't indexed, or you don't have access\.")
    )
    expect(desk.page.get_by_role("button", name="Try again")).to_be_visible()


def test_words_that_nothing_answers_find_nothing_until_unlikely_ones_are_wanted(
    desk: PageDesk, keys: list[str]
) -> None:
    desk.sign_in("/?q=cows")
    expect(desk.card(keys[0])).to_contain_text("Likely match")
    desk.keep("page-likely")
    desk.ask("purple elephants riding unicycles")
    expect(desk.page.get_by_role("heading", name="No likely matches")).to_be_visible()
    assert desk.page.locator("li.card").count() == 0
    assert desk.flaws() == []
    desk.keep("page-no-likely-matches")
    desk.page.get_by_role("button", name="Show unlikely matches").click()
    expect(desk.page.locator("li.card")).to_have_count(4)
    expect(desk.page.locator("li.card").first).to_contain_text("Unlikely match")
    expect(desk.page.locator("#said")).to_contain_text("including unlikely matches")
    expect(desk.page.get_by_role("button", name="Show unlikely matches")).to_be_hidden()
    assert desk.flaws() == []
    desk.keep("page-unlikely")
    desk.page.go_back()
    expect(desk.page.get_by_role("heading", name="No likely matches")).to_be_visible()


def test_the_keyboard_does_all_of_it(desk: PageDesk, keys: list[str]) -> None:
    desk.sign_in()
    desk.ask("meadow")
    clip = desk.page.locator("li.card .clip").first
    expect(clip).to_be_visible()
    clip.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#compare .player")).to_be_focused()
    expect(desk.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    desk.page.keyboard.press("Space")
    expect(desk.page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    before = desk.page.locator("#compare input").input_value()
    desk.page.keyboard.press("ArrowRight")
    expect(desk.page.locator("#compare input")).not_to_have_value(before)
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator("#compare")).to_be_hidden()
    expect(clip).to_be_focused()
    expect(desk.page).not_to_have_url(re.compile("open="))


# Asks for a result's view twice, and closes it before the answers about its clip are there.
CLOSED_EARLY = """async (source) => {
  const { showDetail, hideDetail } = await import(new URL("detail.js", source));
  const { results } = await (await fetch("/api/v1/search?q=meadow")).json();
  const both = [showDetail(results[0], null, ""), showDetail(results[0], null, "")];
  hideDetail();
  await Promise.all(both);
  const early = document.getElementById("compare").open;
  await showDetail(results[0], null, "");
  return [early, document.getElementById("compare").open];
}"""


def test_a_view_that_is_closed_before_its_clip_is_known_stays_closed(
    desk: PageDesk, keys: list[str]
) -> None:
    """On a slow connection the answer opened it again, after Escape."""
    desk.sign_in()
    desk.ask("meadow")
    expect(desk.card(keys[0])).to_be_visible()
    source = desk.page.locator("script[src*='search.js']").evaluate("(script) => script.src")
    assert desk.page.evaluate(CLOSED_EARLY, source) == [False, True]


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_nobody_is_shut_out_in_either_theme(desk: PageDesk, keys: list[str], request: Any) -> None:
    theme = request.node.callspec.params["desk"]
    desk.page.goto(desk.url)
    assert desk.flaws() == []
    desk.sign_in()
    assert desk.flaws() == []
    desk.ask("meadow")
    expect(desk.card(keys[0])).to_be_visible()
    desk.page.locator("#filters > summary").click()
    desk.page.locator("#pick-status summary").click()
    assert desk.flaws() == []
    desk.keep(f"page-{theme}")
    desk.page.goto(f"{desk.url}/status")
    expect(desk.page.get_by_text("Queues and workers")).to_be_visible()
    assert desk.flaws() == []


def test_a_phone_shows_all_without_sideways_scrolling(desk: PageDesk, keys: list[str]) -> None:
    desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    desk.sign_in()
    assert not desk.scrolls_sideways()
    desk.ask("meadow")
    expect(desk.card(keys[0])).to_be_visible()
    assert not desk.scrolls_sideways()
    desk.keep("page-phone")
    desk.page.locator("li.card .clip").first.click()
    expect(desk.page.locator("#compare")).to_be_visible()
    assert not desk.scrolls_sideways()
    desk.keep("page-phone-words")


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_the_player_stacks_both_clips_on_a_phone(
    desk: PageDesk, compared: str, request: Any
) -> None:
    theme = request.node.callspec.params["desk"]
    desk.keep(f"page-compare-{theme}")
    assert desk.flaws() == []
    for width in (390, 360):
        desk.page.set_viewport_size({"width": width, "height": 844})
        upper, lower = [each.bounding_box() for each in desk.page.locator("#compare figure").all()]
        assert upper is not None
        assert lower is not None
        assert upper["x"] == lower["x"]
        assert lower["y"] >= upper["y"] + upper["height"]
        inside = "document.querySelector('#compare')"
        assert desk.page.evaluate(f"{inside}.scrollWidth <= {inside}.clientWidth")
        assert not desk.scrolls_sideways()
    desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    desk.keep(f"page-phone-compare-{theme}")
    desk.page.evaluate("document.querySelector('#compare').scrollTo(0, 9999)")
    desk.keep(f"page-phone-compare-{theme}-below")
    assert desk.flaws() == []


def test_failed_clips_are_tried_again_on_the_status_page(
    desk: PageDesk, keys: list[str], services: Services, jira: Site
) -> None:
    for key in keys[:3]:
        clip = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))[0]
        failed = replace(clip, status=ClipStatus.FAILED, reason="not_a_video: it is a zip")
        services.collections.active.catalogue.put_clip(failed)
    desk.sign_in("/status")
    expect(desk.page.locator("#failed li")).to_have_count(3)
    expect(desk.page.get_by_role("heading", name="Partly indexed")).to_be_hidden()
    desk.keep("page-status")
    desk.page.get_by_role("button", name=f"of {keys[0]}").click()
    expect(desk.page.locator("#failed li")).to_have_count(2)
    assert services.collections.active.catalogue.count(ClipStatus.QUEUED) == 1
    desk.page.get_by_role("button", name="Retry all").click()
    expect(desk.page.get_by_text("No failed clips in your projects")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Retry all")).to_be_hidden()
    assert services.collections.active.catalogue.count(ClipStatus.QUEUED) == 3


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_a_clip_that_was_read_in_part_has_its_note_and_contact_sheet(
    desk: PageDesk, keys: list[str], services: Services, jira: Site
) -> None:
    scheme = desk.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    notes = (
        "the file is truncated or damaged; the part that can be read is used",
        "3 of 9 frames are black",
    )
    for key, note in zip(keys, notes, strict=False):
        clip = services.collections.active.catalogue.clips_of(str(jira.issue(key)["id"]))[0]
        services.collections.active.catalogue.put_clip(replace(clip, reason=note))
    desk.sign_in("/status")
    rows = desk.page.locator("#noted li")
    expect(rows).to_have_count(2)
    row = rows.filter(has_text=keys[0])
    expect(row).to_contain_text(notes[0])
    link = row.get_by_role("link", name=f"Contact sheet of {COWS[0]} of {keys[0]}")
    assert desk.flaws() == []
    assert not desk.scrolls_sideways()
    rows.last.scroll_into_view_if_needed()
    desk.keep(f"page-status-notes-{'dark' if scheme else 'light'}")
    # Its address is renewed while the page is looked at, and the link stays the same.
    link.focus()
    before = link.get_attribute("href")
    wait_until(lambda: link.get_attribute("href") != before)
    expect(link).to_be_focused()
    with desk.page.context.expect_page() as opened:
        link.click()
    picture = opened.value.locator("img")
    wait_until(lambda: picture.evaluate("each => each.naturalWidth") >= 640)
    if PICTURES:
        opened.value.screenshot(path=str(Path(PICTURES) / "contact-sheet.png"))
    desk.page.set_viewport_size(PHONE)
    assert not desk.scrolls_sideways()
    rows.last.scroll_into_view_if_needed()
    desk.keep("page-phone-status-notes")


def test_the_apis_page_works_under_its_policy(desk: PageDesk, services: Services) -> None:
    desk.sign_in()
    desk.page.get_by_role("link", name="API").click()
    desk.page.get_by_text("Get the status").click()
    desk.page.get_by_role("button", name="Try it out").click()
    desk.page.get_by_role("button", name="Execute").click()
    expect(desk.page.locator(".live-responses-table")).to_contain_text('"queues"')


def test_signing_out_and_a_revoked_token_lead_to_signing_in(
    desk: PageDesk, services: Services
) -> None:
    desk.sign_in()
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.get_by_label("API token")).to_be_visible()
    desk.sign_in()
    (token,) = services.tokens.all()
    services.tokens.revoke(token.id)
    desk.ask("meadow")
    expect(desk.page.get_by_label("API token")).to_be_visible()
