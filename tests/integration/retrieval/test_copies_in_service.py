"""A copy of a recording finds the ticket of the original, through the whole service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dejabug.ingest.clip_indexer import sample_signature
from dejabug.ranking import motion_of
from dejabug.services import Services
from dejabug.settings import Settings
from support.demo_clips import COWS, PLACEHOLDER, QUIET
from support.jira_site import Site
from support.tickets import history, tell


def test_a_dark_recording_of_a_clip_finds_its_ticket(
    services: Services, jira: Site, clips: Path, tmp_path: Path, ffmpeg: Any
) -> None:
    others = [path.name for path in sorted(clips.glob("freedoom-0*"))[:4]]
    old, *_ = history(services, jira, clips, COWS[0], COWS[1], *PLACEHOLDER, QUIET, *others)
    dimmed = ("-vf", "eq=brightness=-0.25:contrast=0.7", "-crf", "36", "-pix_fmt", "yuv420p")
    dark = ffmpeg(tmp_path / "dark.mp4", "-i", str(clips / COWS[0]), "-an", *dimmed)
    issue_id = tell(services, jira, jira.file("GAME", "I cannot say what happens here", dark))
    record = services.collections.active.catalogue.issue(issue_id)
    assert record is not None
    best = services.similar_issues.rank(record)[0]
    assert best.found_issue_id == str(jira.issue(old)["id"])
    assert best.copy > 0.75
    assert best.score > 0.8


def test_motion_is_read_from_a_real_file(clips: Path) -> None:
    signature = sample_signature(Settings(encoder="starter"), clips / COWS[0])
    assert len(motion_of(signature)) >= 8
