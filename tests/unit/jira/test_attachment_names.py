"""The fuzz targets of tools/fuzz, briefly and always with the same bytes; `make fuzz` runs
longer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dejabug import media
from dejabug.jira.models import plain_text
from tools.fuzz.decoder import fuzz_decoder
from tools.fuzz.mutate import mutated
from tools.fuzz.targets import TARGETS
from tools.hostile.bases import make_bases

ROUNDS = 300
DEEP = 20_000

# What was found once.
FOUND = [
    ("issue", b'{"id": 1, "key": "A-1", "fields": {"attachment": [{"id": "5", "size": {}}]}}'),
    ("issue", b'{"id": 1, "key": "A-1", "fields": {"attachment": 1, "components": true}}'),
    ("issue", b'{"id": 1, "key": "A-1", "fields": {"issuelinks": 5, "fixVersions": 1.5}}'),
    ("talk", b"Input #0, mov, from 'x':\n  Stream #0:0: Video: a, " + b"9" * 9000 + b"x1, 1 fps"),
    ("talk", b"Input #0, mov, from 'x':\n  Stream #0:0: Video: h264, 64x64, 1.2.3 fps"),
    ("timeline", b"#tb 0: 1/0\n0, 0, 0, 40, 28800, 0x4c2fbf2e"),
]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_raises_nothing_but_what_its_parser_says(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    for seed in target.seeds:
        target.run(seed)
    for _ in range(ROUNDS):
        target.run(mutated(chance.choice(target.seeds), chance, target.seeds))


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_once_is_found_no_more(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 1_000_000,
        " \t" * 500_000,
        "  Stream #0:0" + ": Video: a" * 100_000 + " (attached pic)\n",
        "  Stream #0:0: Video: " + ", 1x" * 250_000,
        "Input #0, " + "," * 1_000_000 + ", from",
        "[trace_headers @ 0x1] Packet: 1 bytes" + ", pts 9" * 150_000,
        "[trace_headers @ 0x1] 1 nal_ref_idc " + "0 " * 500_000,
        "Codec (a) not on whitelist" * 40_000,
        "0, " * 300_000,
    ],
    ids=lambda text: text.strip()[:25],
)
@pytest.mark.timeout(30)
def test_a_megabyte_of_talk_is_read_in_no_time(text: str) -> None:
    """A pattern that looks at a line again and again would take hours."""
    for name in ("talk", "timeline"):
        TARGETS[name].run(text.encode() + b"\f" + text.encode())


def test_a_deep_document_is_read_to_its_ground() -> None:
    document = {"text": "ground"}
    for _ in range(DEEP):
        document = {"content": [document]}
    assert plain_text(document) == "ground"


def test_random_files_break_nothing(tmp_path: Path) -> None:
    program = media.find_ffmpeg()
    corpus = list(make_bases(tmp_path, program).values())
    tally = fuzz_decoder(corpus, 60, 1, program, tmp_path / "findings", most=60)
    assert tally.read == 60
    assert tally.findings == []
    assert len(tally.outcomes) > 1
