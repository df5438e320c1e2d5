"""The panel in a real browser: on a ticket's page in the stand-in Jira, with the real service.

Only Jira's side of Forge's bridge is simulated (plugin/testing/bridge.js).

DEJABUG_TEST_PICTURES names a folder in which screenshots are saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, expect

from dejabug.demo.jira_standin.forge import APP_ID
from dejabug.services import Services
from dejabug.worker import jobs
from support.browsers import (
    APART,
    HEAT,
    OVER_CLIPS,
    PLUGIN,
    PanelDesk,
    Service,
)
from support.demo_clips import CAMERA, COURT, COWS, PLACEHOLDER, QUIET
from support.jira_site import Site
from support.search_worker import searching
from support.tickets import history, tell
from support.waiting import wait_until
from support.workers import work


@pytest.fixture
def environment(environment: dict[str, str], jira: Site, service_url: str) -> dict[str, str]:
    app = jira.app.extensions["forge"]
    app.plugin, app.remote = PLUGIN, service_url
    assert app.has_panel, "the panel is not built: make panel"
    return {
        **environment,
        "DEJABUG_FORGE_APP_ID": APP_ID,
        "DEJABUG_FORGE_API_URL": jira.url,
        "DEJABUG_FORGE_JWKS_URL": f"{jira.url}/.well-known/jwks.json",
        "DEJABUG_PUBLIC_URL": service_url,
        "DEJABUG_MEDIA_SECRET": "a secret for media addresses, long",
    }


@pytest.fixture(params=["light"])
def desk(browser: Browser, jira: Site, service: Service, request: Any) -> Iterator[PanelDesk]:
    context = browser.new_context(
        viewport={"width": 1000, "height": 900}, color_scheme=request.param, device_scale_factor=2
    )
    found = PanelDesk(context.new_page(), jira)
    yield found
    context.close()


@pytest.fixture
def tickets(services: Services, jira: Site, clips: Path) -> tuple[str, str]:
    """Three old tickets, one of them fixed, and a new one of the same bug: the old one's key and
    the new one's."""
    (old, *_) = history(services, jira, clips, COWS[0], PLACEHOLDER[0], QUIET)
    done = {"status": {"name": "Done"}, "resolution": {"name": "Fixed"}}
    fields = {**done, "fixVersions": [{"name": "0.9"}]}
    jira.call("PUT", f"/rest/api/2/issue/{old}", json={"fields": fields})
    key = jira.file("GAME", "A crowd of cows in one field", clips / COWS[2])
    tell(services, jira, key)
    work(services, previews=True)
    return old, key


def match(panel: FrameLocator, key: str) -> Any:
    return panel.locator(f'li.match[data-key="{key}"]')


def button(panel: Any, name: str) -> Any:
    return panel.get_by_role("button", name=re.compile(name))


def test_both_clips_play_in_step_from_the_matching_moment(
    desk: PanelDesk, tickets: tuple[str, str]
) -> None:
    old, key = tickets
    panel = desk.open(key)
    found = match(panel, old)
    expect(found).to_contain_text("likely the same bug", ignore_case=True)
    expect(found).to_contain_text("fixed in 0.9")
    desk.keep("panel")
    assert desk.inside(OVER_CLIPS) == []
    button(panel, f"Compare the clips of {key} and {old}").click()
    videos = panel.locator("video")
    expect(videos).to_have_count(2)
    moment = desk.first_moment()
    times = "[...document.querySelectorAll('video')].map((each) => each.currentTime)"
    wait_until(lambda: desk.inside(times)[0] > moment["here_at"] + 0.4)  # it plays by itself

    def in_step() -> bool:
        here, there = desk.inside(times)
        return abs((there - here) - (moment["there_at"] - moment["here_at"])) < APART

    for _ in range(5):
        wait_until(in_step)  # on a busy machine one may lag for a moment; it is caught up with
        desk.page.wait_for_timeout(100)
    button(panel, "Pause both clips").click()
    expect(button(panel, "Play both clips")).to_be_visible()
    captions = panel.locator("figcaption.player-caption")
    expect(captions.get_by_role("link")).to_have_text([key, old])
    expect(captions.first).to_contain_text("this issue")
    assert desk.inside(OVER_CLIPS) == []
    desk.keep("panel-compare")
    still = desk.inside(times)
    desk.page.wait_for_timeout(300)
    assert desk.inside(times) == pytest.approx(still, abs=0.001)  # Chromium rounds differently
    assert desk.complaints == []


@pytest.mark.parametrize("desk", ["dark"], indirect=True)
def test_heat_maps_lie_over_both_clips_while_they_stand_at_the_moment(
    desk: PanelDesk, services: Services, jira: Site, clips: Path
) -> None:
    (old, *_) = history(services, jira, clips, CAMERA[0], *COURT)
    key = jira.file("GAME", "Stuck in third person in the brown court of E1M6", clips / CAMERA[1])
    tell(services, jira, key)
    work(services, previews=True)
    panel = desk.open(key)
    button(panel, f"Compare the clips of {key} and {old}").click()
    expect(panel.locator("video")).to_have_count(2)
    with searching(services):
        button(panel, "^What matches").click()
        expect(panel.locator("canvas")).to_have_count(2)
        expect(button(panel, "Play both clips")).to_be_visible()
        expect(button(panel, "^What matches")).to_have_attribute("aria-pressed", "true")
        expect(panel.locator("canvas").first).to_have_attribute(
            "aria-label", re.compile("strongest")
        )
        desk.keep("panel-heat-matching")
        for seen in desk.inside(HEAT):
            assert seen["colours"] > 50
            assert seen["apart"] < 1
            assert seen["bent"] == pytest.approx(1, abs=0.02)
        assert desk.flaws() == []
        button(panel, "^What is unusual here").focus()
        desk.page.keyboard.press("Enter")
        expect(panel.get_by_text("not seen in clips of other tickets")).to_be_visible()
        desk.keep("panel-heat-unusual")
        button(panel, "^Next frame").click()
        expect(panel.locator("canvas")).to_have_count(0)
        button(panel, "^Show the heat map").click()
        expect(panel.locator("canvas")).to_have_count(2)
    button(panel, "^Off").click()
    expect(panel.locator("canvas")).to_have_count(0)
    assert desk.complaints == []


def test_who_wants_less_motion_gets_the_moment_standing_still(
    desk: PanelDesk, tickets: tuple[str, str]
) -> None:
    old, key = tickets
    desk.page.emulate_media(reduced_motion="reduce")
    panel = desk.open(key)
    button(panel, f"Compare the clips of {key} and {old}").click()
    expect(button(panel, "Play both clips")).to_be_visible()
    moment = desk.first_moment()
    times = "[...document.querySelectorAll('video')].map((each) => each.currentTime)"
    wanted = [moment["here_at"], moment["there_at"]]
    wait_until(lambda: desk.inside(times) == pytest.approx(wanted, abs=0.1))


def test_the_keyboard_does_all_of_it(desk: PanelDesk, tickets: tuple[str, str]) -> None:
    old, key = tickets
    panel = desk.open(key)
    button(panel, f"Compare the clips of {key} and {old}").focus()
    desk.page.keyboard.press("Enter")
    expect(panel.locator("video")).to_have_count(2)
    expect(button(panel, "Pause both clips")).to_be_visible()
    desk.page.keyboard.press("Space")
    expect(button(panel, "Play both clips")).to_be_visible()
    before = desk.inside("document.querySelector('video').currentTime")
    desk.page.keyboard.press("ArrowRight")
    wait_until(lambda: desk.inside("document.querySelector('video').currentTime") > before)
    desk.page.keyboard.press("Escape")
    expect(panel.locator("video")).to_have_count(0)


def test_same_bug_makes_the_link_as_the_viewer(
    desk: PanelDesk, tickets: tuple[str, str], services: Services, jira: Site
) -> None:
    old, key = tickets
    panel = desk.open(key)
    button(panel, f"Same bug: link {key} as a duplicate of {old}").click()
    expect(button(panel, "Linked as duplicate")).to_be_visible()
    (link,) = jira.issue(key)["fields"]["issuelinks"]
    # Seen from the new ticket, the old one is at the link's outward end: it "duplicates" the old.
    assert (link["type"]["outward"], link["outwardIssue"]["key"]) == ("duplicates", old)
    asked = [r for r in jira.log()["requests"] if r["rule"] == "/rest/api/3/issueLink"]
    assert [(r["method"], r["status"]) for r in asked] == [("POST", 201)]
    first, second = (
        services.collections.active.catalogue.issue_by_key(each) for each in (key, old)
    )
    assert first is not None
    assert second is not None
    verdict = wait_until(lambda: services.records.verdicts.of_pair(first.id, second.id))
    assert (verdict.same, verdict.source) == (True, "person")
    assert jira.issue(old)["fields"]["status"]["name"] == "Done"  # nothing is closed or reopened


def test_not_a_duplicate_hides_the_ticket_for_good(
    desk: PanelDesk, tickets: tuple[str, str], services: Services, jira: Site
) -> None:
    old, key = tickets
    panel = desk.open(key)
    button(panel, f"Not a duplicate: {old}").click()
    desk.keep("panel-verdict-asked")
    button(panel, f"Confirm: {old} is not a duplicate").click()
    expect(match(panel, old)).to_have_count(0)
    work(services)
    assert all(f"[{old}|" not in comment["body"] for comment in jira.comments(key))
    panel = desk.open(key)
    expect(panel.get_by_role("button", name=re.compile("Mute"))).to_be_visible()
    expect(match(panel, old)).to_have_count(0)


def test_a_ticket_without_a_clip_shows_the_clip_that_its_words_find(
    desk: PanelDesk, tickets: tuple[str, str], services: Services, jira: Site
) -> None:
    old, _ = tickets
    key = jira.file("GAME", jira.issue(old)["fields"]["summary"])
    tell(services, jira, key)
    panel = desk.open(key)
    video = match(panel, old).locator("video")
    expect(video).to_be_visible()
    wait_until(lambda: desk.inside("document.querySelector('video').readyState") > 0)
    assert desk.inside("document.querySelector('video').duration") > 3
    desk.keep("panel-words")
    assert desk.flaws() == []
    assert desk.complaints == []


def test_mute_and_unmute(
    desk: PanelDesk, tickets: tuple[str, str], services: Services, jira: Site
) -> None:
    old, key = tickets
    panel = desk.open(key)
    button(panel, f"Mute on this issue, {key}").click()
    expect(button(panel, f"Unmute on this issue, {key}")).to_be_visible()
    desk.keep("panel-muted")
    work(services)
    assert jira.comments(key) == []
    button(panel, f"Unmute on this issue, {key}").click()
    expect(match(panel, old)).to_be_visible()


def test_nothing_similar_says_so(
    desk: PanelDesk, services: Services, jira: Site, clips: Path
) -> None:
    key = jira.file("GAME", "alone", clips / QUIET)
    tell(services, jira, key)
    panel = desk.open(key)
    expect(panel.get_by_text("No similar issues found.")).to_be_visible()
    desk.keep("panel-empty")


def test_a_ticket_that_is_being_read_shows_how_far_and_then_its_matches_by_itself(
    desk: PanelDesk, services: Services, jira: Site, clips: Path
) -> None:
    (old,) = history(services, jira, clips, COWS[0])
    key = jira.file("GAME", "cows", clips / COWS[2])
    jobs.sync_issue(jira.issue(key)["id"], True)
    panel = desk.open(key)
    bar = panel.get_by_role("progressbar").first
    expect(bar).to_be_visible()
    assert bar.get_attribute("aria-valuemax") == "2"
    desk.keep("panel-reading")
    work(services)
    expect(match(panel, old)).to_be_visible(timeout=15_000)


def test_a_service_that_is_away_says_what_to_do_and_comes_back(
    desk: PanelDesk, tickets: tuple[str, str], service: Service
) -> None:
    old, key = tickets
    service.stop()
    panel = desk.open(key)
    again = button(panel, "Try again")
    expect(again).to_be_visible(timeout=15_000)
    desk.keep("panel-error")
    service.start()
    again.click()
    expect(match(panel, old)).to_be_visible(timeout=15_000)


def test_a_ticket_that_the_viewer_may_not_see_is_nowhere_in_the_page(
    desk: PanelDesk, tickets: tuple[str, str], jira: Site
) -> None:
    old, key = tickets
    secret = {"fields": {"security": {"name": "Secret"}}}
    jira.call("PUT", f"/rest/api/2/issue/{old}", "admin", json=secret)
    panel = desk.open(key)
    expect(panel.get_by_role("button", name=re.compile("Mute"))).to_be_visible()
    assert old not in desk.inside("document.documentElement.outerHTML")


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_nobody_is_shut_out_in_either_theme(desk: PanelDesk, tickets: tuple[str, str]) -> None:
    old, key = tickets
    panel = desk.open(key)
    button(panel, f"Compare the clips of {key} and {old}").click()
    expect(panel.locator("video")).to_have_count(2)
    assert desk.flaws() == []
    theme = desk.inside("document.documentElement.dataset.colorMode")
    desk.keep(f"panel-{theme}")
    button(panel, f"Not a duplicate: {old}").click()
    button(panel, "^Loop moment").click()
    desk.page.keyboard.press("?")
    expect(panel.get_by_text("Previous or next frame")).to_be_visible()
    assert desk.flaws() == []
    desk.keep(f"panel-{theme}-asked")
    assert desk.complaints == []


@pytest.mark.parametrize("desk", ["light", "dark"], indirect=True)
def test_a_phone_stacks_both_clips(desk: PanelDesk, tickets: tuple[str, str]) -> None:
    old, key = tickets
    desk.page.set_viewport_size({"width": 390, "height": 844})
    panel = desk.open(key)
    theme = desk.inside("document.documentElement.dataset.colorMode")
    desk.keep(f"panel-phone-{theme}")
    button(panel, f"Compare the clips of {key} and {old}").click()
    expect(panel.locator("video")).to_have_count(2)
    upper, lower = [each.bounding_box() for each in panel.locator(".player-side").all()]
    assert upper is not None
    assert lower is not None
    assert lower["y"] >= upper["y"] + upper["height"]
    assert desk.flaws() == []
    desk.keep(f"panel-phone-compare-{theme}")


def test_a_narrow_panel_has_no_sideways_scrolling(
    desk: PanelDesk, tickets: tuple[str, str]
) -> None:
    old, key = tickets
    desk.page.set_viewport_size({"width": 360, "height": 900})
    panel = desk.open(key)
    button(panel, f"Compare the clips of {key} and {old}").click()
    expect(panel.locator("video")).to_have_count(2)
    root = "document.documentElement"
    assert desk.inside(f"{root}.scrollWidth <= {root}.clientWidth")
    desk.keep("panel-narrow")
