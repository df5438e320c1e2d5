"""A small dual encoder with random weights, saved in the model hub's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["[PAD]", "[UNK]", "[EOS]", "a", "car", "sinks", "into", "the", "road", "wall", "black"]


def small_towers(layers: int) -> dict[str, Any]:
    """The two towers of a small dual encoder, as transformers' configurations take them."""
    both = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
    }
    marks = {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": 1}
    words = {"vocab_size": len(WORDS), "max_position_embeddings": 16}
    return {
        "text_config": {**both, **words, **marks},
        "vision_config": {**both, "image_size": 32, "patch_size": 8},
    }


def save_tokenizer(folder: Path, length: int) -> None:
    """A word-level tokenizer that ends each text with its end mark, as CLIP's does."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        eos_token="[EOS]",
        model_max_length=length,
    )
    fast.save_pretrained(folder)


def save_small_clip(folder: Path) -> Path:
    """Save a small CLIPModel with random weights in a folder; the folder."""
    torch.manual_seed(0)
    config = transformers.CLIPConfig(**small_towers(layers=2), projection_dim=24)
    transformers.CLIPModel(config).save_pretrained(folder)
    save_tokenizer(folder, 16)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    return folder
