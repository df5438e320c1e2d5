"""What was learned from verdicts, stored in Redis."""

from __future__ import annotations

import json

import redis

from dejabug.index import slug_of
from dejabug.ranking import Calibration, Calibrations
from dejabug.records.learned_parameters import LearnedParameters, read_learned, write_learned


def test_lessons_come_back_as_they_were_and_belong_to_one_encoder(store: redis.Redis) -> None:
    curves = Calibrations(Calibration(3.0, 0.0, -1.0, 0.5, -2.0), Calibration(4.0, 9.0, -0.5, 0.2))
    write_learned(store, "clip:a", LearnedParameters(curves))
    assert read_learned(store, "clip:a") == LearnedParameters(curves)
    assert read_learned(store, "clip:b") == LearnedParameters()


def test_new_lessons_replace_all_of_the_old(store: redis.Redis) -> None:
    write_learned(store, "e", LearnedParameters(Calibrations(Calibration(frames=2.0))))
    write_learned(store, "e", LearnedParameters(Calibrations()))
    assert read_learned(store, "e") == LearnedParameters(Calibrations())
    write_learned(store, "e", LearnedParameters())
    assert read_learned(store, "e") == LearnedParameters()


def test_what_an_earlier_version_learned_is_of_another_score_and_counts_no_more(
    store: redis.Redis,
) -> None:
    curves = json.dumps([{"slope": 9.0, "intercept": 1.0}, {"slope": 8.0, "intercept": 2.0}])
    store.hset(f"dejabug:lessons:{slug_of('e')}", mapping={"curves": curves})
    assert read_learned(store, "e") == LearnedParameters()
