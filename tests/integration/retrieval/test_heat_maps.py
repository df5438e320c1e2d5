"""Heat maps of two clips: a real index, real thumbnails, and a worker that draws them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from dejabug.encoders import EncoderError
from dejabug.ranking import Floats
from dejabug.records.projects import Rules
from dejabug.retrieval import neighbourhood
from dejabug.retrieval.heat_maps import COMPARED, NoPictureError, Spot
from dejabug.search.questions import SearchFailedError, heat_map_questions_key
from dejabug.services import Services
from dejabug.web import create_app, heat_maps
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.forge_app import ForgeApp
from support.jira_site import Site, secure
from support.search_worker import READ, searching
from support.tickets import history, tell

OTHERS = (*PLACEHOLDER, QUIET)


@pytest.fixture
def environment(environment: dict[str, str], forge: ForgeApp) -> dict[str, str]:
    more = {"DEJABUG_PROJECT_GROUPS": "GAME,OTHER", "DEJABUG_API_REQUESTS_PER_MINUTE": "10000"}
    return {**environment, **forge.environment(), **more}


@dataclass
class Scene:
    """Two tickets of one bug among others, and who asks for their clips' heat maps."""

    services: Services
    jira: Site
    app: ForgeApp
    client: FlaskClient
    here: str
    there: str

    def clip(self, key: str) -> str:
        return self.services.collections.active.catalogue.clip_ids_of(
            str(self.jira.issue(key)["id"])
        )[0]

    def spot(self, key: str) -> Spot:
        clip = self.clip(key)
        return Spot(clip, self.services.media.thumbnails.times(clip)[1])

    def asked(self) -> dict[str, Any]:
        here, there = self.spot(self.here), self.spot(self.there)
        ends = {"here": here.clip, "here_at": here.at}
        return {**ends, "there": there.clip, "there_at": there.at}

    def drawn(self) -> dict[str, dict[str, Any]]:
        return self.services.heat_maps.draw(self.spot(self.here), self.spot(self.there))

    def panel(self, who: str = "tester", **change: Any) -> Any:
        address = f"/forge/v1/issues/{self.jira.issue(self.here)['id']}/heat-maps"
        asked = {**self.asked(), **change}
        return self.client.post(address, json=asked, headers=self.app.headers(who))

    def api(self, *projects: str, **change: Any) -> Any:
        secret, _ = self.services.tokens.create("test", projects or ["GAME"])
        headers = {"Authorization": f"Bearer {secret}", "X-Request-ID": "of-a-test"}
        asked = {**self.asked(), **change}
        return self.client.get("/api/v1/heat-maps", query_string=asked, headers=headers)

    def clip_ids(self) -> dict[str, str]:
        """The first clip of each known ticket, by key."""
        found = [
            self.services.collections.active.catalogue.issue(each)
            for each in self.services.collections.active.catalogue.every_issue_id()
        ]
        return {issue.key: self.clip(issue.key) for issue in found if issue is not None}

    def another(self) -> str:
        """A third ticket's key."""
        return next(key for key in sorted(self.clip_ids()) if key not in (self.here, self.there))


@pytest.fixture
def scene(services: Services, jira: Site, clips: Path, forge: ForgeApp) -> Scene:
    here, there, *_ = history(services, jira, clips, COWS[0], COWS[2], *OTHERS)
    return Scene(services, jira, forge, create_app(services).test_client(), here, there)


@pytest.fixture
def worker(services: Services) -> Iterator[None]:
    with searching(services):
        yield


def pictures_read(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clips of which pictures are read from now on."""
    read, found = services.media.thumbnails.read, list[str]()
    monkeypatch.setattr(
        services.media.thumbnails, "read", lambda clip, at: found.append(clip) or read(clip, at)
    )
    return found


def check_grid(grid: list[list[float]]) -> None:
    values = np.array(grid)
    assert values.shape == (9, 9)
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_array_equal(values, values.round(2))


def test_both_pictures_get_a_map_of_what_matches_and_of_what_is_unusual(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pictures_read(scene.services, monkeypatch)
    drawn = scene.drawn()
    for side, key in (("here", scene.here), ("there", scene.there)):
        found = drawn[side]
        spot = scene.spot(key)
        picture = Image.open(
            io.BytesIO(scene.services.media.thumbnails.read(spot.clip, spot.at) or b"")
        )
        assert (found["at"], found["width"], found["height"]) == (spot.at, *picture.size)
        check_grid(found["matching"])
        check_grid(found["unusual"])
        assert found["reason"] is None
    assert {scene.clip(scene.here), scene.clip(scene.there)} < set(read)
    assert len(read) <= 2 + 2 * COMPARED + 2


def test_a_picture_beside_itself_matches_wherever_it_is_unusual(scene: Scene) -> None:
    spot = scene.spot(scene.here)
    drawn = scene.services.heat_maps.draw(spot, spot)["here"]
    matching, unusual = np.array(drawn["matching"]), np.array(drawn["unusual"])
    assert matching[unusual > 0.7].min() == 1
    assert matching[unusual == 0].max(initial=0) <= 0.5


def test_restricted_tickets_clips_tell_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, services: Services, jira: Site, clips: Path
) -> None:
    before = scene.drawn()
    secret = jira.file("GAME", "more cows", clips / COWS[1])
    secure(jira, secret)
    tell(services, jira, secret, watch=False)
    assert services.collections.active.index.holds(scene.clip(secret))
    read = pictures_read(services, monkeypatch)
    assert scene.drawn() == before
    assert scene.clip(secret) not in read
    # It would have told something: once everybody may see it, it does.
    jira.call("PUT", f"/rest/api/2/issue/{secret}", "admin", json={"fields": {"security": None}})
    tell(services, jira, secret, watch=False)
    neighbourhood.catch_up(services.collections.configured)
    assert scene.drawn() != before
    assert scene.clip(secret) in read


def test_a_neighbour_that_is_restricted_later_tells_nothing_from_then_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, services: Services, jira: Site
) -> None:
    old = scene.spot(scene.there)
    pair = (scene.spot(scene.here), old)
    third = scene.another()
    read = pictures_read(services, monkeypatch)
    services.heat_maps.draw(*pair)
    assert scene.clip(third) in read
    secure(jira, third)
    tell(services, jira, third, watch=False)
    read.clear()
    services.heat_maps.draw(*pair)
    assert scene.clip(third) not in read


def test_a_record_that_says_restricted_counts_before_the_index_knows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    third = scene.another()
    record = services.collections.active.catalogue.issue_by_key(third)
    assert record is not None
    services.redis.hset(f"dejabug:issue:{record.id}", "restricted", "1")
    assert services.collections.active.catalogue.issue(record.id).restricted  # type: ignore[union-attr]
    read = pictures_read(services, monkeypatch)
    scene.drawn()
    assert scene.clip(third) not in read


def test_other_clips_of_the_pair_s_own_tickets_are_not_what_is_usual(
    services: Services, jira: Site, clips: Path, forge: ForgeApp
) -> None:
    here = jira.file("GAME", "cows", clips / COWS[0], clips / COWS[1])
    tell(services, jira, here, watch=False)
    (there,) = history(services, jira, clips, COWS[2])
    drawn = Scene(services, jira, forge, create_app(services).test_client(), here, there).drawn()
    for side in ("here", "there"):
        check_grid(drawn[side]["matching"])
        assert drawn[side]["unusual"] is None
        assert "no clips of other tickets" in drawn[side]["reason"]


def test_a_neighbour_whose_pictures_are_gone_is_passed_over(
    scene: Scene, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, clip in scene.clip_ids().items():
        if key not in (scene.here, scene.there):
            services.media.thumbnails.forget(clip)
    assert scene.drawn()["here"]["unusual"] is None


def test_a_picture_that_is_gone_or_damaged_is_said(scene: Scene, services: Services) -> None:
    spot = scene.spot(scene.here)
    with pytest.raises(NoPictureError, match="no longer exists"):
        services.heat_maps.draw(Spot(spot.clip, spot.at + 0.123), spot)
    services.media.thumbnails.write(spot.clip, [spot.at], [np.zeros((8, 8, 3), np.uint8)])
    (path,) = services.settings.data_dir.glob(f"pictures/*/{spot.clip}/*.jpg")
    path.write_bytes(b"no picture")
    with pytest.raises(NoPictureError, match="damaged"):
        services.heat_maps.draw(spot, spot)


# Asking a worker


def test_a_worker_draws_what_was_asked(scene: Scene, worker: None) -> None:
    asked = scene.services.questions.heat_maps(scene.spot(scene.here), scene.spot(scene.there))
    assert asked == json.loads(json.dumps(scene.drawn()))


def test_without_a_worker_the_question_is_taken_back(scene: Scene) -> None:
    with pytest.raises(SearchFailedError, match="dejabug worker search"):
        scene.services.questions.heat_maps(scene.spot(scene.here), scene.spot(scene.there), 0.2)
    assert not scene.services.redis.exists(
        heat_map_questions_key(scene.services.collections.active)
    )


def test_what_goes_wrong_in_the_worker_is_said(
    scene: Scene, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = scene.spot(scene.here)
    with pytest.raises(SearchFailedError, match="no longer exists"):
        scene.services.questions.heat_maps(Spot(here.clip, 0.123), here)

    def mute(pixels: np.ndarray) -> Floats:
        raise EncoderError("this model has no image patches")

    monkeypatch.setattr(scene.services.encoder, "embed_patches", mute)
    with pytest.raises(SearchFailedError, match="has no image patches"):
        scene.services.questions.heat_maps(here, here)


def test_who_answers_words_alone_leaves_heat_maps_to_others(scene: Scene) -> None:
    here = scene.spot(scene.here)
    for_words = scene.services.answerer(read=READ, draws=False)
    for_words.start()
    try:
        assert scene.services.questions.search("cows", ["GAME"], 5)
        with pytest.raises(SearchFailedError, match="no worker answered"):
            scene.services.questions.heat_maps(here, here, patience=0.5)
    finally:
        for_words.stop()


def test_a_question_that_is_not_understood_stops_nobody(scene: Scene, worker: None) -> None:
    key = heat_map_questions_key(scene.services.collections.active)
    scene.services.redis.rpush(key, b"{}", b'{"reply": "x", "here": 1, "there": 2}')
    here = scene.spot(scene.here)
    assert scene.services.questions.heat_maps(here, here)["here"]["at"] == here.at
    assert scene.services.questions.search("cows", ["GAME"], 5)  # words are answered beside them


# At the doors


def test_the_panel_and_the_api_tell_the_same_maps(scene: Scene, worker: None) -> None:
    panel, api = scene.panel(), scene.api()
    assert (panel.status_code, api.status_code) == (200, 200), panel.text + api.text
    assert panel.get_json() == api.get_json() == json.loads(json.dumps(scene.drawn()))
    assert panel.headers["Cache-Control"] == api.headers["Cache-Control"] == "no-store"


def test_the_nearest_picture_to_a_time_counts(scene: Scene, worker: None) -> None:
    here = scene.spot(scene.here)
    assert scene.panel(here_at=here.at + 0.05).get_json()["here"]["at"] == here.at
    assert scene.api(there_at=1e6).get_json()["there"]["at"] == max(
        scene.services.media.thumbnails.times(scene.clip(scene.there))
    )


WRONG: list[dict[str, Any]] = [
    {"here": "x"},
    {"here_at": -1},
    {"there_at": "soon"},
    {"there_at": 1e6 + 1},
    {"more": 1},
]


def test_what_is_asked_wrongly_is_said(scene: Scene) -> None:
    for change in WRONG:
        for answer in (scene.panel(**change), scene.api(**change)):
            assert answer.status_code == 400
            assert next(iter(change)) in answer.get_json()["detail"]


def test_a_hidden_clip_answers_as_one_that_is_not_there(
    scene: Scene, worker: None, jira: Site
) -> None:
    nowhere = [scene.panel(there="9" * 9), scene.api(there="9" * 9)]
    secure(jira, scene.there)
    hidden = [scene.panel(), scene.api()]
    for unknown, secret in zip(nowhere, hidden, strict=True):
        assert unknown.status_code == secret.status_code == 404
        assert strip(unknown.get_json()) == strip(secret.get_json())
    assert scene.panel("admin").status_code == 200


def test_a_hidden_issue_s_own_clip_is_not_told_of_either(
    scene: Scene, worker: None, jira: Site
) -> None:
    secure(jira, scene.here)
    assert scene.panel().status_code == scene.api().status_code == 404


def test_the_panel_s_first_clip_must_be_of_its_issue(scene: Scene, worker: None) -> None:
    assert scene.panel(here=scene.clip(scene.there)).status_code == 404


def test_a_project_that_is_off_or_another_s_token_sees_no_maps(scene: Scene, worker: None) -> None:
    assert scene.api("OTHER").status_code == 404
    scene.services.records.projects.put("GAME", Rules("off"))
    assert scene.panel().status_code == scene.api().status_code == 404


def test_nobody_without_our_app_s_call_or_a_token_is_answered(scene: Scene) -> None:
    issue = scene.jira.issue(scene.here)["id"]
    address = f"/forge/v1/issues/{issue}/heat-maps"
    assert scene.client.post(address, json=scene.asked()).status_code == 401
    asked = scene.asked()
    assert scene.client.get("/api/v1/heat-maps", query_string=asked).status_code == 401


def test_a_clip_without_pictures_answers_as_its_pictures_do(scene: Scene, worker: None) -> None:
    asked = scene.asked()
    scene.services.media.thumbnails.forget(asked["there"])
    address = f"/forge/v1/issues/{scene.jira.issue(scene.here)['id']}/heat-maps"
    answer = scene.client.post(address, json=asked, headers=scene.app.headers("tester"))
    assert answer.status_code == 404


def test_without_a_worker_both_doors_say_try_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = scene.services.questions.heat_maps
    impatient = lambda *given: ask(*given, patience=0.1)  # noqa: E731
    monkeypatch.setattr(scene.services.questions, "heat_maps", impatient)
    for answer in (scene.panel(), scene.api()):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"


def test_no_more_than_a_few_are_waited_for_at_once(scene: Scene, worker: None) -> None:
    with heat_maps.AT_ONCE, heat_maps.AT_ONCE:
        answer = scene.api()
        assert answer.status_code == 503
        assert "try again in a moment" in answer.get_json()["detail"]
    assert scene.api().status_code == 200


def strip(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "trace"}
