"""Kinds of bug from words and frames, and the labels file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dejabug.encoders import Floats
from dejabug.encoders.starter import StarterEncoder
from dejabug.encoders.tags import Label, LabelError, Tagger, directions, load_labels

ROWS = hnp.arrays(np.float32, (3, 4, 5), elements=st.floats(-1, 1, width=16, allow_subnormal=False))


@pytest.fixture(scope="session")
def tagger(starter: StarterEncoder) -> Tagger:
    return Tagger(starter.embed_texts, load_labels())


def axes(texts: Sequence[str]) -> Floats:
    """Texts → the axis that their first letter names."""
    return np.stack([np.eye(4, dtype=np.float32)["abcd".index(text[0])] for text in texts])


LABELS = (
    Label("first", "First", ("a1", "a2"), (1.0, 1.0)),
    Label("second", "Second", ("b1",), (1.0,)),
    Label("quiet", "Quiet", ("c1",), (1.0,), shown=False),
)


@pytest.mark.parametrize(
    ("ticket", "name"),
    [
        ("The barrel floats in the air above the table", "floating_object"),
        ("The texture of the wall is missing", "missing_texture"),
        ("HUD and health bar have disappeared", "hud_error"),
        ("The villager is in a T-pose", "t_pose"),
    ],
)
def test_a_ticket_that_says_what_kind_of_bug_it_is_gets_that_tag(
    tagger: Tagger, starter: StarterEncoder, ticket: str, name: str
) -> None:
    assert [tag.name for tag in tagger.tags(starter.embed_texts([ticket])[0])] == [name]


@pytest.mark.parametrize(
    "ticket", ["The music is too loud", "Wrong word in the Spanish translation", "Please call me"]
)
def test_a_ticket_about_what_no_picture_shows_gets_none(
    tagger: Tagger, starter: StarterEncoder, ticket: str
) -> None:
    assert tagger.tags(starter.embed_texts([ticket])[0]) == []


def test_a_label_that_is_not_shown_is_never_a_tag() -> None:
    tagger = Tagger(axes, LABELS)
    assert tagger.tags(axes(["c"])[0]) == []
    assert tagger.probabilities(axes(["c"])[0]).argmax() == 2


@given(ROWS, hnp.arrays(np.float32, 5, elements=st.floats(-1, 1, width=16)))
def test_probabilities_are_shares_of_one(prompts: Floats, words: Floats) -> None:
    def embed(_: Sequence[str]) -> Floats:
        return prompts.reshape(12, 5)

    labels = [Label(name, name, ("p",) * 4, (1.0,) * 4) for name in "xyz"]
    chances = Tagger(embed, labels).probabilities(words)
    assert chances.min() >= 0
    assert chances.sum() == pytest.approx(1, abs=1e-5)


@given(ROWS, hnp.arrays(np.float32, 5, elements=st.floats(-1, 1, width=16)))
def test_what_all_prompts_share_changes_nothing(prompts: Floats, shared: Floats) -> None:
    weights = [np.ones(4, np.float32)] * 3
    middles = prompts.mean(axis=1) - prompts.mean(axis=(0, 1))
    if np.linalg.norm(middles, axis=1).min() < 0.05:
        return  # a label without a direction of its own
    if np.linalg.norm(prompts - prompts.mean(axis=(0, 1)), axis=2).min() < 0.05:
        return  # a prompt that says only what all say
    _, plain = directions(list(prompts), weights)
    _, shifted = directions(list(prompts + shared), weights)
    np.testing.assert_allclose(plain, shifted, atol=2e-2)


def test_a_prompt_that_tells_its_label_apart_counts_more() -> None:
    telling, vague = np.eye(4, dtype=np.float32)[0], np.eye(4, dtype=np.float32)[1]
    other = np.stack([vague, vague])
    _, found = directions([np.stack([telling, vague]), other], [np.ones(2, np.float32)] * 2)
    assert found[0] @ telling > 0.5
    assert found[0] @ telling > found[0] @ vague + 0.5


def test_the_shipped_labels_load() -> None:
    labels = {label.name: label for label in load_labels()}
    assert {"floating_object", "clipping", "t_pose", "black_screen"} <= set(labels)
    assert not labels["sound"].shown


def test_a_studio_can_weigh_its_own_prompts(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text(
        '[[label]]\nname = "a"\nprompts = ["x", { text = "y", weight = 2.5 }]\n'
        '[[label]]\nname = "b"\nprompts = ["z"]\nshown = false\n'
    )
    first, second = load_labels(path)
    assert first == Label("a", "a", ("x", "y"), (1.0, 2.5))
    assert not second.shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("label = 3", "no \\[\\[label\\]\\]"),
        ("[[label", "cannot be read as TOML"),
        ('[[label]]\nname = "Big One"\nprompts = ["x"]', "'Big One'"),
        ('[[label]]\nname = "a"\nprompts = []', "'a' has no list of prompts"),
        ('[[label]]\nname = "a"\nprompts = [{ text = "x", weight = -1 }]', "weight of 'x'"),
        ('[[label]]\nname = "a"\nprompts = [" "]', "must be a text"),
        ('[[label]]\nname = "a"\nprompts = ["x"]\ncolour = 1', "unknown keys: colour"),
        ('[[label]]\nname = "a"\nprompts = ["x"]\nshown = "no"', "shown must be true or false"),
        ('[[label]]\nname = "a"\nprompts = ["x"]\n' * 2, "two labels are named 'a'"),
        ('[[label]]\nname = "a"\nprompts = ["x"]', "at least two labels"),
    ],
)
def test_a_bad_file_of_labels_is_named_with_its_problem(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(LabelError, match=problem) as caught:
        load_labels(path)
    assert "mine.toml" in str(caught.value)


def test_a_missing_file_of_labels_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"gone\.toml"):
        load_labels(tmp_path / "gone.toml")
