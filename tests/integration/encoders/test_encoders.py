"""Images and texts → unit vectors, compared with plain transformers and checked for
plausibility."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers  # each name is imported when it is used: that takes seconds
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dejabug import media
from dejabug.encoders import Encoder, EncoderError, encoder_name, load_encoder, patch_origin
from dejabug.encoders.clip import ClipEncoder
from dejabug.encoders.origins import reference_pictures
from dejabug.encoders.starter import StarterEncoder
from dejabug.encoders.starter_text import palette_shares, to_lab
from dejabug.settings import Settings
from support.small_encoder import save_tokenizer, small_towers

# CLIP's channel statistics (OpenAI's CLIP, `_transform`).
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@pytest.fixture
def frames() -> np.ndarray:
    """Seven different frames of 16:9, smooth as pictures are."""
    rng = np.random.default_rng(3)
    small = rng.integers(0, 255, (7, 6, 10, 3), dtype=np.uint8)
    big = [Image.fromarray(one).resize((56, 32), Image.Resampling.BICUBIC) for one in small]
    return np.stack([np.asarray(one) for one in big])


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_clip_gives_what_plain_transformers_gives(
    small_clip: Path, frames: np.ndarray, batch_size: int
) -> None:
    encoder = ClipEncoder(
        str(small_clip), device="cpu", dtype=torch.float32, crop="center", batch_size=batch_size
    )
    model, processor = (
        transformers.CLIPModel.from_pretrained(small_clip),
        transformers.CLIPImageProcessorPil.from_pretrained(small_clip),
    )
    inputs = processor([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    with torch.inference_mode():
        expected = model.get_image_features(**inputs).pooler_output
        expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    found = encoder.embed_images(frames)
    assert found.dtype == np.float32
    assert found.shape == (7, 24)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("texts", [["a car"], ["a car", "a car sinks into the road", "black wall"]])
def test_clip_reads_texts_as_plain_transformers_does(small_clip: Path, texts: list[str]) -> None:
    encoder = ClipEncoder(str(small_clip), device="cpu", dtype=torch.float32)
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(small_clip)
    model = transformers.CLIPModel.from_pretrained(small_clip)
    found = encoder.embed_texts(texts)
    for text, row in zip(texts, found, strict=True):
        # One by one: padding must change nothing.
        with torch.inference_mode():
            one = model.get_text_features(**tokenizer([text], return_tensors="pt")).pooler_output
        expected = torch.nn.functional.normalize(one, dim=-1)[0].numpy()
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.fixture
def small_siglip(tmp_path: Path) -> Path:
    """A small SiglipModel with random weights."""
    config = transformers.SiglipConfig(**small_towers(layers=1))
    transformers.SiglipModel(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, 16)
    transformers.CLIPImageProcessorPil(
        size={"height": 32, "width": 32}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(tmp_path)
    return tmp_path


def test_siglip_and_its_kin_work_through_the_same_code(
    small_siglip: Path, frames: np.ndarray
) -> None:
    encoder = ClipEncoder(str(small_siglip), device="cpu", dtype=torch.float32)
    assert encoder.embed_images(frames).shape == (7, 32)
    # SigLIP was trained on texts padded to its whole length: so must ours be.
    model = transformers.SiglipModel.from_pretrained(small_siglip)
    padded = torch.tensor([[3, 4, *[0] * 14]])
    with torch.inference_mode():
        expected = model.get_text_features(input_ids=padded).pooler_output
    expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    np.testing.assert_allclose(encoder.embed_texts(["a car"]), expected, atol=1e-5)


@pytest.mark.parametrize("crop", ["center", "squash", "two"])
def test_every_crop_gives_unit_vectors_and_a_name_of_its_own(
    small_clip: Path, frames: np.ndarray, crop: str
) -> None:
    encoder = ClipEncoder(str(small_clip), device="cpu", crop=crop)  # type: ignore[arg-type]
    lengths = np.linalg.norm(encoder.embed_images(frames), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    assert encoder.name.endswith(f"@{crop}")
    assert "cpu" in encoder.label


def test_the_centre_crop_sees_the_middle_and_two_crops_see_the_ends(small_clip: Path) -> None:
    frame = np.zeros((1, 32, 96, 3), np.uint8)
    edge = frame.copy()
    edge[:, :, :16] = 255
    center, two = (
        ClipEncoder(str(small_clip), device="cpu", crop=crop)  # type: ignore[arg-type]
        for crop in ("center", "two")
    )
    assert np.allclose(center.embed_images(frame), center.embed_images(edge), atol=1e-6)
    assert not np.allclose(two.embed_images(frame), two.embed_images(edge), atol=1e-3)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_clip_s_patches_are_its_last_states_projected_as_the_pooled_one_is(
    small_clip: Path, frames: np.ndarray, batch_size: int
) -> None:
    encoder = ClipEncoder(
        str(small_clip), device="cpu", dtype=torch.float32, crop="center", batch_size=batch_size
    )
    model = transformers.CLIPModel.from_pretrained(small_clip)
    wide = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    whole = torch.nn.functional.interpolate(
        wide, size=(32, 32), mode="bicubic", antialias=True, align_corners=False
    ).clamp(0, 1)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    with torch.inference_mode():
        states = model.vision_model(pixel_values=(whole - mean) / std).last_hidden_state[:, 1:]
        expected = model.visual_projection(model.vision_model.post_layernorm(states))
    expected = torch.nn.functional.normalize(expected, dim=-1).numpy().reshape(7, 4, 4, 24)
    found = encoder.embed_patches(frames)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_siglip_s_patches_have_no_class_token_and_no_projection(
    small_siglip: Path, frames: np.ndarray
) -> None:
    patches = ClipEncoder(str(small_siglip), device="cpu").embed_patches(frames)
    assert patches.shape == (7, 4, 4, 32)
    np.testing.assert_allclose(np.linalg.norm(patches, axis=-1), 1, atol=1e-5)


def test_starter_patches_lie_over_the_frame_and_pool_to_what_frames_are_compared_by(
    starter: StarterEncoder, clips: Path
) -> None:
    pixels = media.sample_frames(clips / "crafter-01.mov", rate=0.5, short_side=260).pixels[:3]
    patches = starter.embed_patches(pixels)
    assert patches.shape == (3, 9, 9, 1280)
    assert patches.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(patches, axis=-1), 1, atol=1e-3)
    changed = pixels.copy()
    changed[:, :40, -40:] = (250, 20, 200)  # something new in the upper right corner
    away = 1 - (patches * starter.embed_patches(changed)).sum(axis=-1)
    for each in away:
        row, column = np.unravel_index(each.argmax(), each.shape)
        assert (row <= 2, column >= 6) == (True, True)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 8, 8, 4)])
def test_patches_of_what_is_no_batch_of_pictures_are_refused(
    small_clip: Path, starter: StarterEncoder, shape: tuple[int, ...]
) -> None:
    for encoder in (ClipEncoder(str(small_clip), device="cpu"), starter):
        with pytest.raises(ValueError, match="pixels"):
            encoder.embed_patches(np.zeros(shape, np.uint8))


def test_a_model_without_a_vision_transformer_of_its_own_tells_of_no_patches(
    small_clip: Path, frames: np.ndarray
) -> None:
    encoder = ClipEncoder(str(small_clip), device="cpu")
    del encoder._model.vision_model
    with pytest.raises(EncoderError, match="has no image patches"):
        encoder.embed_patches(frames)


def test_patches_are_seen_from_what_they_all_have_in_common(small_clip: Path) -> None:
    encoder = ClipEncoder(str(small_clip), device="cpu")
    origin = patch_origin(encoder)
    patches = encoder.embed_patches(reference_pictures()[::4]).reshape(-1, 24)
    np.testing.assert_allclose(origin, patches.mean(axis=0), atol=1e-5)


def test_a_model_that_cannot_be_loaded_is_a_loud_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="nowhere"):
        ClipEncoder(str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(EncoderError):
        ClipEncoder(str(tmp_path))


def test_cuda_that_is_asked_for_and_absent_is_an_error(small_clip: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(EncoderError, match="DEJABUG_DEVICE"):
        ClipEncoder(str(small_clip), device="cuda")


def test_the_settings_choose_the_encoder_and_its_name(small_clip: Path) -> None:
    chosen = Settings(encoder="clip", clip_model=str(small_clip), frame_crop="center")
    encoder = load_encoder(chosen)
    assert encoder.name == encoder_name(chosen) == f"clip:{small_clip}@center"


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 8, 8, 4), (8, 8, 3)])
def test_what_is_no_batch_of_pictures_is_refused(small_clip: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        ClipEncoder(str(small_clip)).embed_images(np.zeros(shape, np.uint8))


def test_starter_vectors_do_not_depend_on_the_batch(starter: StarterEncoder) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (5, 64, 100, 3), dtype=np.uint8)
    together = starter.embed_images(pixels)
    alone = np.concatenate([starter.embed_images(pixels[n : n + 1]) for n in range(5)])
    assert together.shape == (5, starter.dimensions)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert (together * alone).sum(axis=1).min() > 0.99


@pytest.mark.parametrize(
    ("colour", "near", "far"),
    [
        ((25, 70, 30), "a green forest", "a red brick wall"),
        ((150, 25, 20), "a red brick wall", "a green forest"),
        ((12, 12, 14), "a black night", "white snow"),
        ((235, 238, 240), "white snow", "a black night"),
        ((60, 110, 210), "the blue sea", "yellow sand"),
    ],
)
def test_starter_words_for_colours_lie_near_frames_of_that_colour(
    starter: StarterEncoder, colour: tuple[int, int, int], near: str, far: str
) -> None:
    rng = np.random.default_rng(5)
    noise = rng.integers(-12, 13, (1, 90, 160, 3))
    frame = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
    there, elsewhere = (starter.embed_images(frame) @ starter.embed_texts([near, far]).T)[0]
    assert there > elsewhere


def test_starter_words_lie_where_the_classes_lie_that_they_name(starter: StarterEncoder) -> None:
    """Features that are just what the classifier looks for lie nearest to that class's name."""
    names = ["goldfish", "fire truck", "castle", "daisy", "laptop computer", "zebra"]
    lines = (resources.files("dejabug.encoders") / "imagenet_classes.txt").read_text("utf-8")
    classes = [line for line in lines.splitlines() if line and not line.startswith("#")]
    weights = starter._vision._fc.weight[[classes.index(name) for name in names]].float()
    grey = torch.full((len(names), 3, 16, 16), 0.5)
    frames = starter._map.frames(weights.cpu(), grey).numpy()
    words = starter.embed_texts([f"a photo of a {name}" for name in names])[:, -frames.shape[1] :]
    assert ((frames @ words.T).argmax(axis=1) == np.arange(len(names))).mean() >= 0.8


def test_starter_frames_are_compared_almost_by_sight_alone(
    starter: StarterEncoder, clips: Path
) -> None:
    pixels = media.sample_frames(clips / "crafter-01.mov", rate=0.5, short_side=260).pixels
    whole = starter.embed_images(pixels)
    seen = whole[:, : starter._visual_size()]
    seen = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    assert np.abs(whole @ whole.T - seen @ seen.T).max() < 0.1
    assert not starter.embed_texts(["a cow"])[:, : seen.shape[1]].any()


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=6))
def test_every_picture_is_shared_out_among_the_palette(colours: list[tuple[int, ...]]) -> None:
    rgb = torch.tensor(colours, dtype=torch.float32) / 255
    palette = to_lab(torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 0, 1]]))
    shares = palette_shares(rgb[:, :, None, None].expand(-1, -1, 20, 30), palette)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    nearest = (to_lab(rgb)[:, None] - palette).square().sum(-1)
    assert torch.allclose(shares.max(1).values, shares.gather(1, nearest.argmin(1)[:, None])[:, 0])


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (100, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_colours_have_their_known_lab_values(
    rgb: tuple[float, ...], lab: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(to_lab(torch.tensor([rgb], dtype=torch.float32))[0], lab, atol=0.1)


def test_starter_sentences_that_mean_the_same_are_near(starter: StarterEncoder) -> None:
    texts = starter.embed_texts(
        ["the car falls through the road", "vehicle sinks into the ground", "music is too loud"]
    )
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert texts[0] @ texts[1] > texts[0] @ texts[2] + 0.2


def test_both_encoders_keep_the_protocol(starter: StarterEncoder, small_clip: Path) -> None:
    encoders: list[Encoder] = [starter, ClipEncoder(str(small_clip))]
    for encoder in encoders:
        assert encoder.embed_texts(["a car"]).shape == (1, encoder.dimensions)
        with pytest.raises(ValueError, match="no texts"):
            encoder.embed_texts([])
