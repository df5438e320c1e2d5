"""Re-recorded clips, and their tickets' texts."""

from __future__ import annotations

from collections.abc import Mapping

from tools.record.clips import ClipSet
from tools.record.rerecord import Rerecording

DEMO = (
    Rerecording(
        "torcs-body-alpine", "filmed",
        "Race cars ride on stilts",
        "Colleague showed me on her monitor, so this is off my phone. Look below the doors.",
    ),
    Rerecording(
        "supertux-camera-gate", "filmed",
        "Screen does not pan with the penguin",
        "No capture tool on the test bench, filmed it by hand.",
    ),
    Rerecording(
        "truck-wall-town", "filmed",
        "Lorry goes in at one side of a building and out at the other",
        "From the show floor, a visitor found it. My hands shook a bit.",
    ),
    Rerecording(
        "torcs-paint-dirt", "dark",
        "No decals, no colours on any vehicle",
        "HDR was on while I grabbed it, hence so dim.",
    ),
    Rerecording(
        "minetest-hole-snow", "dark",
        "Someone took a giant ice cube out of the plateau",
        "OBS made it darker than it is; you can still see the walls of the gap.",
    ),
    Rerecording(
        "figure-sunk-square", "dark",
        "Pedestrian up to the knees in paving",
        "Gamma of the console's share button is off, sorry.",
    ),
    Rerecording(
        "supertux-unseen-gate", "low-bitrate",
        "Nobody to steer",
        "Got it by chat from an external tester, she plays without seeing herself.",
    ),
    Rerecording(
        "minetest-heap-savanna", "low-bitrate",
        "Loot fountain",
        "Forwarded from the community channel, original is lost. Dozens of things pop up where one should lie.",
    ),
    Rerecording(
        "freedoom-chase-court", "low-bitrate",
        "Why do I see my marine from behind?",
        "Streamer sent this over a messenger. First person is what he had selected.",
    ),
)  # fmt: skip

DEVELOPMENT = (
    Rerecording(
        "supertux-unseen-night", "filmed",
        "Invisible hero under the stars",
        "Shot off a TV in the lounge.",
    ),
    Rerecording(
        "minetest-hole-meadow", "filmed",
        "Grassland with a cut-out",
        "Taken with a tablet, since the build machine has no recorder.",
    ),
    Rerecording(
        "torcs-trees-aalborg", "dark",
        "Plants come with a board behind them",
        "Clip turned out gloomy, tone mapping is my guess.",
    ),
    Rerecording(
        "freedoom-torn-field", "dark",
        "Walls are patched with other graphics",
        "Exported with the wrong transfer curve.",
    ),
    Rerecording(
        "crates-merge-harbour", "low-bitrate",
        "Two boxes occupy the same spot",
        "Compressed by our mail gateway.",
    ),
    Rerecording(
        "supertux-blocks-roots", "low-bitrate",
        "Checkered cubes in the treetops",
        "Only the small version is left, the big one exceeded the upload limit.",
    ),
)  # fmt: skip

RERECORDINGS: Mapping[ClipSet, tuple[Rerecording, ...]] = {
    "demo": DEMO,
    "development": DEVELOPMENT,
}
