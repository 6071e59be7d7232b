"""Frames drawn from a description of a scene, with masks that are exact to the pixel.

A frame depends on its scene and its index alone: no clock, no state, no thread count, nothing from disk.
A pixel belongs to the nearest sprite that covers its centre. Colours are antialiased, shaded, blurred and noisy; masks
are not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.types import Frame, Labels

Reals: TypeAlias = NDArray[np.float64]
Colours: TypeAlias = NDArray[np.float32]
Outline: TypeAlias = Callable[[Reals, float], Reals]
"""(angle from the sprite's own x axis in radians, time in frames) -> distance from centre to edge, at most REACH."""
Pattern: TypeAlias = Callable[[np.random.Generator, int], Reals]
"""(source of randomness, N) -> a field [N, N] that repeats seamlessly, about 0 to 1."""
Trajectory: TypeAlias = tuple[tuple[float, float, float, float], ...]
"""At least two stations (frame, x, y, scale), passed smoothly; x and y in pixels from the top left corner."""

FRAME_HEIGHT, FRAME_WIDTH = 240, 432
REACH = 1.5
SHADOW = 7.0  # pixels to the right and down; also how soft its edge is
EXPOSURES = 5  # instants averaged for motion blur: no visible steps at the speeds in the table
TEXELS = 48.0  # of a texture, a radius: coarse enough to be sharp at the sizes in the table


@dataclass(frozen=True)
class Sprite:
    """A textured shape on its way. `id` 0 is scenery, which hides objects but is none.

    colours: RGB in hex, from the pattern's 0 to its 1. path: its scale is the shape's radius in pixels.
    spin: degrees a frame.
    """

    id: int
    outline: Outline
    pattern: Pattern
    colours: str
    path: Trajectory
    spin: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A video: a ground, and over it the sprites from far to near.

    camera: the point of the ground in the middle of the picture; its scale magnifies the ground.
    shake: amplitude in pixels. shutter: part of a frame's time for which it is open, 0 for no motion blur.
    light: amplitude of the drift of brightness, as a fraction. grain: standard deviation of the noise in grey levels.
    """

    name: str
    length: int
    ground: Pattern
    colours: str
    camera: Trajectory
    sprites: tuple[Sprite, ...]
    shake: float = 0.0
    shutter: float = 0.0
    light: float = 0.0
    grain: float = 2.0


def disc(angle: Reals, time: float) -> Reals:
    """A circle of radius 1."""
    return np.ones_like(angle)


def box(width: float, height: float) -> Outline:
    """A rectangle with the given half sides."""

    def outline(angle: Reals, time: float) -> Reals:
        return np.asarray(1 / np.maximum(np.abs(np.cos(angle)) / width, np.abs(np.sin(angle)) / height))

    return outline


def star(angle: Reals, time: float) -> Reals:
    """Five points with straight edges: radius 1.3 at the points, 0.7 between them."""
    tip, notch, half = 1.3, 0.7, np.pi / 5
    fold = np.abs((angle + half) % (2 * half) - half)
    return np.asarray(tip * notch * np.sin(half) / (tip * np.sin(fold) + notch * np.sin(half - fold)))


def blob(angle: Reals, time: float) -> Reals:
    """A soft body whose outline never stops to wobble."""
    wobble = 0.17 * np.sin(2 * angle + 0.21 * time) + 0.10 * np.sin(3 * angle - 0.29 * time + 1)
    return np.asarray(1 + wobble + 0.05 * np.sin(5 * angle + 0.37 * time + 2))


def noise(rng: np.random.Generator, size: int, slope: float, low: float = 1) -> Reals:
    """Noise [size, size] of mean 0 and deviation 1 with amplitude 1 / f**slope above `low` waves a tile: no seams."""
    wave = np.fft.fftfreq(size, 1 / size)
    frequency = np.hypot(wave[:, None], wave[: size // 2 + 1])
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * np.maximum(frequency, low) ** -slope
    field = np.fft.irfft2(np.where(frequency < low / 2, 0, spectrum), s=(size, size))
    return np.asarray(field / field.std())


def clouds(rng: np.random.Generator, size: int) -> Reals:
    """Soft patches of all sizes."""
    return 0.5 + 0.22 * noise(rng, size, 1.6, size / 128)


def veins(rng: np.random.Generator, size: int) -> Reals:
    """Bright threads, as of light on the ground of a pool."""
    return np.asarray(np.exp(-2.2 * np.abs(noise(rng, size, 2.2, size / 80))) + 0.05 * noise(rng, size, 1))


def bands(rng: np.random.Generator, size: int) -> Reals:
    """Wavy stripes, as of sand or wood."""
    phase = np.linspace(0, 2 * np.pi * (size // 32), size, endpoint=False)[:, None]
    return np.asarray(0.5 + 0.35 * np.sin(phase + 1.6 * noise(rng, size, 2, size / 128)) + 0.1 * noise(rng, size, 1))


def spots(rng: np.random.Generator, size: int) -> Reals:
    """Islands with sharp shores, as on a leopard."""
    return np.asarray(0.5 + 0.4 * np.tanh(4 * noise(rng, size, 4, size / 24)) + 0.08 * noise(rng, size, 1))


def draw(scene: Scene, index: int) -> tuple[Frame, Labels]:
    """A frame of a scene and its label map."""
    instants = index + scene.shutter * np.linspace(-0.5, 0.5, EXPOSURES) if scene.shutter else [float(index)]
    colours = sum((_colours(scene, time) for time in instants), np.float32(0)) / np.float32(len(instants))
    colours *= np.float32(1 + scene.light * np.sin(2 * np.pi * index / scene.length))
    grain = _make_rng(f"{scene.name}/{index}").standard_normal(colours.shape, np.float32)
    frame = np.clip(colours + np.float32(scene.grain) * grain + np.float32(0.5), 0, 255).astype(np.uint8)
    return frame, label_map(scene, index)


def label_map(scene: Scene, index: int) -> Labels:
    """A frame's label map uint8[H, W] by the rule of the centre, in the middle of the exposure where that is long."""
    labels = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), np.uint8)
    for sprite in scene.sprites:
        patch = _locate_sprite(sprite, index, _shake(scene, index))
        labels[patch.window][patch.depth >= 0] = sprite.id
    return labels


class _Patch(NamedTuple):
    """The part of the picture around a sprite: where, offsets from its centre in radii, and its rotation.

    depth: pixels from the outline, inside positive, along the ray from the centre.
    """

    window: tuple[slice, slice]
    x: Reals
    y: Reals
    turn: float
    depth: Reals


def _locate_sprite(sprite: Sprite, time: float, offset: tuple[float, float]) -> _Patch:
    """Where a sprite is at a time, pushed right and down by some pixels."""
    x, y, radius = _interpolate_trajectory(sprite.path, time)
    columns, across = _find_reachable_pixels(x + offset[0], radius, FRAME_WIDTH)
    rows, down = _find_reachable_pixels(y + offset[1], radius, FRAME_HEIGHT)
    turn = float(np.radians(sprite.spin * time))
    edge = sprite.outline(np.arctan2(down[:, None], across) - turn, time)
    return _Patch((rows, columns), across, down[:, None], turn, radius * (edge - np.hypot(across, down[:, None])))


def _find_reachable_pixels(middle: float, radius: float, limit: int) -> tuple[slice, Reals]:
    """The pixels along one axis that a sprite can reach, empty outside the picture, and their offsets in radii."""
    half = REACH * radius + SHADOW
    first, last = (min(max(round(edge), 0), limit) for edge in (middle - half, middle + half))
    return slice(first, last), np.asarray((np.arange(first, last) + 0.5 - middle) / radius, float)


def _colours(scene: Scene, time: float) -> Colours:
    """The picture [H, W, 3] at one instant, grey levels 0 to 255."""
    shake = _shake(scene, time)
    x, y, zoom = _interpolate_trajectory(scene.camera, time)
    across = (np.arange(FRAME_WIDTH)[None, :] + 0.5 - FRAME_WIDTH / 2 - shake[0]) / zoom + x
    down = (np.arange(FRAME_HEIGHT)[:, None] + 0.5 - FRAME_HEIGHT / 2 - shake[1]) / zoom + y
    picture = _sample(_make_texture(scene.name, scene.ground, scene.colours, 512), across, down)
    for number, sprite in enumerate(scene.sprites):
        shadow = _locate_sprite(sprite, time, (shake[0] + SHADOW, shake[1] + SHADOW))
        picture[shadow.window] *= (1 - 0.45 * np.clip(shadow.depth / SHADOW + 0.5, 0, 1))[..., None].astype(np.float32)
        patch = _locate_sprite(sprite, time, shake)
        cos, sin = np.cos(patch.turn) * TEXELS, np.sin(patch.turn) * TEXELS
        tile = _make_texture(f"{scene.name}/{number}", sprite.pattern, sprite.colours, 256)
        paint = _sample(tile, cos * patch.x + sin * patch.y, cos * patch.y - sin * patch.x) * _shade(patch)
        alpha = np.clip(patch.depth + 0.5, 0, 1)[..., None].astype(np.float32)
        picture[patch.window] += alpha * (paint - picture[patch.window])
    return picture


def _shade(patch: _Patch) -> Colours:
    """Light from the upper left on a pillow: bright where the surface faces it, dark towards the outline."""
    rise = np.clip(patch.depth / 12, 0, 1)
    light = 0.72 + 0.33 * np.sqrt(rise) - 0.18 * (patch.x + patch.y)
    return np.asarray(light[..., None], np.float32)


def _interpolate_trajectory(path: Trajectory, time: float) -> Reals:
    """(x, y, scale) at a time: cubic Hermite curves through the stations, at rest before and after them."""
    frames, stations = np.array(path)[:, 0], np.array(path)[:, 1:]
    slopes = np.gradient(stations, frames, axis=0)
    last = int(np.clip(np.searchsorted(frames, time), 1, len(frames) - 1))
    span = frames[last] - frames[last - 1]
    u = min(max((time - frames[last - 1]) / span, 0), 1)
    ease = u * u * (3 - 2 * u)
    swing = u * (1 - u) * ((1 - u) * slopes[last - 1] - u * slopes[last])
    return np.asarray((1 - ease) * stations[last - 1] + ease * stations[last] + span * swing)


def _shake(scene: Scene, time: float) -> tuple[float, float]:
    """How far the picture is pushed right and down by an unsteady hand, in pixels."""
    across = 0.6 * np.sin(1.3 * time) + 0.4 * np.sin(2.9 * time + 1)
    down = 0.6 * np.sin(1.7 * time + 2) + 0.4 * np.sin(2.3 * time)
    return float(scene.shake * across), float(scene.shake * down)


@lru_cache(maxsize=16)
def _make_texture(seed: str, pattern: Pattern, colours: str, size: int) -> Colours:
    """A seamless texture [size, size, 3], grey levels 0 to 255, finely speckled so that no part of it is flat."""
    rng = _make_rng(seed)
    field = pattern(rng, size)
    ramp = np.frombuffer(bytes.fromhex(colours), np.uint8).reshape(-1, 3).astype(float)
    stops = np.linspace(0, 1, len(ramp))
    tile = np.stack([np.interp(field, stops, channel) for channel in ramp.T], axis=-1)
    return (tile * (1 + 0.07 * noise(rng, size, 0.8))[..., None]).astype(np.float32)


def _sample(tile: Colours, x: Reals, y: Reals) -> Colours:
    """Colours [..., 3] of a tile at real positions, bilinear; the tile repeats, its size is a power of two."""
    size = len(tile)
    left, top = np.floor(x), np.floor(y)
    right, down = (part[..., None].astype(np.float32) for part in (x - left, y - top))
    columns = [(left.astype(np.intp) + step) & (size - 1) for step in (0, 1)]
    rows = [((top.astype(np.intp) + step) & (size - 1)) * size for step in (0, 1)]
    texels = tile.reshape(-1, 3)
    corners = ([texels.take(row + column, axis=0) for column in columns] for row in rows)
    upper, lower = (west + right * (east - west) for west, east in corners)
    return upper + down * (lower - upper)


def _make_rng(seed: str) -> np.random.Generator:
    """Random numbers that depend on the text alone (`hash` would differ from run to run)."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(seed.encode())))
