"""How to read an encoder's cosines: how similar texts are that mean the same, and texts that don't.

A cosine of 0.5 means "the same" for a sentence encoder and nothing for CLIP's texts. So each
encoder is measured once on pairs of short sentences that ship with the code. The result depends on
the encoder alone, never on what is indexed: a score must not reveal anything about tickets that a
reader cannot see.
"""

from __future__ import annotations

import numpy as np

from dejabug.encoders.base import Encoder
from dejabug.encoders.prompts import embed_queries
from dejabug.ranking.relevance import Scale

# Search queries, each with a ticket that answers it. The games and bugs differ from those of the
# demo, on which the thresholds of `relevance` were chosen.
PAIRS = (
    (
        "goalkeeper runs out of the pitch",
        "Keeper leaves the field. He passes the line and goes on.",
    ),
    ("sword has no shadow", "No shadow under the blade. Every other weapon has one."),
    ("boat drives on land", "Ships sail over the beach. They do not stop at the shore."),
    ("subtitles cover the map", "Map hidden by subtitles. Long lines of text lie over it."),
    ("horse runs backwards", "Mount moves in reverse. The gallop plays the wrong way round."),
    ("rain falls inside", "Indoor rain. Drops come through the roof of the tavern."),
    ("cannot open the door", "Door does not react. The key is there and the prompt is not shown."),
    ("dragon's wings flicker", "Flashing wings. The beast's membranes blink while it flies."),
    ("ball bounces too high", "Wrong bounce. After a throw it jumps over the fence."),
    ("empty shop window", "No goods in the store. The shelves of the merchant show nothing."),
    ("driver sits beside the kart", "Racer outside of the car. Body is half a metre to the right."),
    ("bridge has a hole", "Gap in the bridge. One looks straight into the river."),
)
# Cosines of an unrelated text and frame, and of a matching text and frame, by a part of the
# encoder's name. The starter encoder is missing: its cosines do not separate right frames from
# wrong ones (docs/explanation/quality.md). CLIP's are as published (Hessel et al., "CLIPScore",
# EMNLP 2021); the middle of SigLIP's own sigmoid is near 0.11.
PICTURES = (("siglip", (0.02, 0.13)), ("clip:", (0.2, 0.3)))


def scale_of(encoder: Encoder) -> Scale:
    """How to read this encoder's cosines; embeds a few sentences."""
    asked = np.stack(embed_queries(encoder, [question for question, _ in PAIRS]))
    said = encoder.embed_texts([ticket for _, ticket in PAIRS])
    cosines = asked @ said.T
    same = np.eye(len(PAIRS), dtype=bool)
    name = encoder.name.lower()
    pictures = next((both for part, both in PICTURES if part in name), None)
    return Scale(
        words=(float(cosines[~same].mean()), float(cosines[same].mean())), pictures=pictures
    )
