"""What words find among the demo's tickets, with the bundled encoder.

Every run uses the clips that the queries need and some others; `make test-slow` the whole demo.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dejabug import ranking
from dejabug.demo.studio import CLIPS
from dejabug.encoders.scale import scale_of
from dejabug.evaluation.corpus import Corpus, indexed
from dejabug.evaluation.manifest import read_manifest
from dejabug.settings import Settings
from support.demo_clips import data_set
from support.remembering import Remembering
from support.searches import text_search

# What somebody who sees the demo might ask → the group of the clip that must come first.
ASKED = {
    "cows": "crafter-flood-meadow",
    "truck sinks into the road": "truck-sink-town",
    "placeholder tiles": "crafter-ground-meadow",
    "T-pose": "figure-tpose-square",
    "no gravity": "crates-weightless-store",
    "walking through walls": "freedoom-noclip-chapel",
    "checkerboard walls": "freedoom-torn-hall",
    "flying zombies": "freedoom-floating-yard",
    "crates merge": "crates-merge-store",
    "third person view": "freedoom-chase-court",
    "herd of cattle": "crafter-flood-meadow",
    "vehicle falls through the floor": "truck-sink-town",
    "twisted limbs": "figure-twisted-snow",
    "inventory gone": "crafter-hud-beach",
}
UNANSWERED = (
    "purple elephants riding unicycles", "banana bread recipe", "dragon breathes fire",
    "credit card payment fails", "helicopter rotor spins the wrong way", "xyzzy",
)  # fmt: skip


FEW, ALL = "some clips", "all clips"


def some_clips(folder: Path) -> Path:
    """A data set of the groups that are asked for, and of one in eight of the other clips."""
    groups = ASKED.values()
    others = [entry.file for entry in read_manifest(CLIPS) if entry.group not in groups][::8]
    return data_set(folder, lambda entry: entry["group"] in groups or entry["file"] in others)


@pytest.fixture(scope="module", params=[FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def demo(
    remembering: Remembering, tmp_path_factory: pytest.TempPathFactory, request: Any
) -> Iterator[tuple[Corpus, dict[str, str | None]]]:
    """Tickets of the demo with their clips, few frames of each; and their groups."""
    settings = Settings(encoder="starter", max_frames=2)
    data = CLIPS if request.param == ALL else some_clips(tmp_path_factory.mktemp("data") / "demo")
    with indexed(data, settings, encoder=remembering) as corpus:
        yield corpus, {item.issue_id: item.group for item in corpus.items}


def ask(corpus: Corpus, words: str, projects: list[str] | None = None) -> list[dict[str, Any]]:
    return text_search(corpus.services, words, projects or list(corpus.projects), 100)


@pytest.mark.parametrize("words", ASKED)
def test_an_obvious_question_finds_the_right_clip_first_and_likely(demo: Any, words: str) -> None:
    corpus, group_of = demo
    first = ask(corpus, words)[0]
    assert group_of[first["issue_id"]] == ASKED[words]
    assert ranking.relevance_of(first["score"]) == "likely"
    assert first["found_by"] == ["words"]


@pytest.mark.parametrize("words", UNANSWERED)
def test_what_no_ticket_is_about_finds_none_that_is_likely_or_possible(
    demo: Any, words: str
) -> None:
    corpus, _ = demo
    found = ask(corpus, words)
    assert found
    assert {ranking.relevance_of(hit["score"]) for hit in found} == {"unlikely"}


def test_a_score_is_the_same_whatever_else_is_searched(demo: Any) -> None:
    corpus, _ = demo
    every = {hit["clip"]: hit["score"] for hit in ask(corpus, "stuck in the ground")}
    for project in corpus.projects:
        for hit in ask(corpus, "stuck in the ground", [project]):
            assert every.get(hit["clip"], hit["score"]) == pytest.approx(hit["score"], abs=1e-6)


def test_an_encoder_is_measured_on_the_same_sentences_every_time(remembering: Remembering) -> None:
    nothing, same = scale_of(remembering).words
    assert nothing == pytest.approx(0.09, abs=0.02)
    assert same == pytest.approx(0.57, abs=0.02)
    assert scale_of(remembering).pictures is None
