"""Draw the frames and label maps of a synthetic video from the description of its scene.

A frame depends only on its scene and its index. A pixel belongs to the nearest sprite that covers its centre. Points
are complex numbers x + iy, in pixels from the top left corner of the frame.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vosbench.types import Frame, Labels, Mask

Reals: TypeAlias = NDArray[np.float64]
Pattern: TypeAlias = Literal["clouds", "veins", "spots", "bands"]
Trajectory: TypeAlias = tuple[tuple[float, ...], ...]
"""At least two stations (frame, x, y, scale), passed smoothly; at rest before the first and after the last one."""

DRAWN_SIZE = (240, 432)  # height and width of a frame
MARGIN = 20  # pixels around a sprite that its shadow and its soft edge reach
PATTERNS: dict[str, tuple[float, float, Callable[[Reals], Reals]]] = {
    "clouds": (1.6, 128, lambda noise: 0.5 + 0.22 * noise),
    "veins": (2.2, 80, lambda noise: np.exp(-2.2 * np.abs(noise))),
    "spots": (4, 24, lambda noise: 0.5 + 0.4 * np.tanh(4 * noise)),
    "bands": (2, 128, lambda noise: 0.5 + 0.35 * np.sin(np.arange(len(noise))[:, None] * np.pi / 16 + 1.6 * noise)),
}
"""Of each pattern: slope and longest wave of its noise (see `_make_noise`), and its value at a place from the noise."""


@dataclass(frozen=True)
class Sprite:
    """A textured shape that moves. id: the object id; 0 is scenery, which hides objects and is none.

    shape: "disc", "star", "blob", or half the width and half the height of a box, both in radii. colours: RGB in hex,
    from the pattern's value 0 to its value 1. path: its scale is the radius in pixels. spin: degrees a frame.
    """

    id: int
    shape: Literal["disc", "star", "blob"] | tuple[float, ...]
    pattern: Pattern
    colours: str
    path: Trajectory
    spin: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A video of `length` frames: a textured ground, and over it the sprites from far to near.

    camera: the point of the ground in the middle of the frame, and how much the ground is magnified. shake: amplitude
    in pixels of an unsteady camera.
    """

    name: str
    length: int
    pattern: Pattern
    colours: str
    camera: Trajectory
    sprites: tuple[Sprite, ...]
    shake: float = 0.0


def draw(scene: Scene, index: int) -> tuple[Frame, Labels]:
    """Draw a frame uint8[H, W, 3] of a scene, and its label map uint8[H, W]."""
    middle = complex(*DRAWN_SIZE[::-1]) / 2 + _shake(scene, index)
    target, zoom = _follow(scene.camera, index)
    texture = _make_texture(scene.name, scene.pattern, scene.colours, 512)
    picture = _sample(texture, 1 / zoom, target - middle / zoom, DRAWN_SIZE)
    for number in range(len(scene.sprites)):
        _paint_sprite(picture, scene, number, index)
    picture *= 1 + 0.06 * np.sin(2 * np.pi * index / scene.length)  # the light changes
    picture += 2 * _make_rng(f"{scene.name}/{index}").standard_normal(picture.shape)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8), draw_labels(scene, index)


def draw_labels(scene: Scene, index: int) -> Labels:
    """Draw only the label map uint8[H, W] of a frame."""
    labels = np.zeros(DRAWN_SIZE, np.uint8)
    for sprite in scene.sprites:
        labels[_draw_mask(scene, sprite, index)] = sprite.id
    return labels


def _paint_sprite(picture: Reals, scene: Scene, number: int, index: int) -> None:
    """Paint a sprite and its shadow over a picture [H, W, 3]."""
    from scipy.ndimage import shift
    from skimage.filters import gaussian

    sprite, (centre, radius) = scene.sprites[number], _follow(scene.sprites[number].path, index)
    centre, reach = centre + _shake(scene, index), 1.5 * radius + MARGIN
    edges = ((centre.imag - reach, centre.imag + reach), (centre.real - reach, centre.real + reach))
    near = tuple(slice(*np.clip(pair, 0, limit).astype(int)) for pair, limit in zip(edges, DRAWN_SIZE, strict=True))
    mask = _draw_mask(scene, sprite, index)[near].astype(float)
    if not mask.any():
        return
    texture = _make_texture(f"{scene.name}/{number}", sprite.pattern, sprite.colours, 256)
    turn = 48 / radius * np.exp(-1j * np.radians(sprite.spin * index))
    paint = _sample(texture, turn, turn * (complex(near[1].start, near[0].start) - centre), mask.shape)
    # Lit from the upper left, like a pillow: dark at its edge and on its lower right.
    diagonal = (np.mgrid[near].sum(axis=0) - centre.real - centre.imag) / radius
    paint *= (0.55 + 0.62 * gaussian(mask, 5) - 0.18 * diagonal)[..., None]
    picture[near] *= 1 - 0.45 * gaussian(shift(mask, 7, order=0), 2)[..., None]
    picture[near] += gaussian(mask, 0.6)[..., None] * (paint - picture[near])


@lru_cache(maxsize=64)  # a mask is needed for the frame and for the label map
def _draw_mask(scene: Scene, sprite: Sprite, index: int) -> Mask:
    """The pixels bool[H, W] whose centre lies in a sprite's outline, whatever is in front of it."""
    from skimage.draw import polygon2mask

    centre, radius = _follow(sprite.path, index)
    outline = _make_outline(sprite.shape, index) * np.exp(1j * np.radians(sprite.spin * index))
    points = radius * outline + centre + _shake(scene, index)
    return np.asarray(polygon2mask(DRAWN_SIZE, np.column_stack((points.imag, points.real)) - 0.5))


def _make_outline(shape: str | tuple[float, ...], index: int) -> NDArray[np.complex128]:
    """The corners of a shape of radius 1 around 0. A blob wobbles from frame to frame."""
    if not isinstance(shape, str):
        return np.array([1, -1, -1, 1]) * shape[0] + 1j * np.array([1, 1, -1, -1]) * shape[1]
    reach = np.tile((1.3, 0.7), 5) if shape == "star" else np.ones(120)
    angle = np.linspace(0, 2 * np.pi, len(reach), endpoint=False)
    if shape == "blob":
        reach += 0.17 * np.sin(2 * angle + 0.21 * index) + 0.10 * np.sin(3 * angle - 0.29 * index + 1)
        reach += 0.05 * np.sin(5 * angle + 0.37 * index + 2)
    return np.asarray(reach * np.exp(1j * angle))


def _follow(path: Trajectory, index: int) -> tuple[complex, float]:
    """The point and the scale that a trajectory has reached."""
    from scipy.interpolate import PchipInterpolator

    frames, *values = np.array(path, float).T
    x, y, scale = PchipInterpolator(frames, np.array(values), axis=1)(np.clip(index, frames[0], frames[-1]))
    return complex(x, y), float(scale)


def _shake(scene: Scene, index: int) -> complex:
    """How far an unsteady camera moves the picture: two circles of different speed."""
    return complex(scene.shake * (0.6 * np.exp(1.3j * index) + 0.4 * np.exp(-2.9j * index)))


def _sample(tile: Reals, scale: complex, start: complex, size: tuple[int, ...]) -> Reals:
    """Colours [H, W, 3] of a tile, which repeats without end, at `start + scale * (x + iy)` of each pixel."""
    from skimage.transform import warp

    rows = [[scale.real, -scale.imag, start.real], [scale.imag, scale.real, start.imag], [0, 0, 1]]
    return np.asarray(warp(tile, np.array(rows), output_shape=size, mode="wrap", preserve_range=True))


@lru_cache(maxsize=16)
def _make_texture(seed: str, pattern: Pattern, colours: str, size: int) -> Reals:
    """A seamless texture [size, size, 3], grey levels 0 to 255, so finely speckled that no part of it is flat."""
    rng, (slope, longest, evaluate) = _make_rng(seed), PATTERNS[pattern]
    values = evaluate(_make_noise(rng, size, slope, longest)) + 0.07 * _make_noise(rng, size, 1, size)
    ramp = np.frombuffer(bytes.fromhex(colours), np.uint8).reshape(-1, 3)
    tile = np.dstack([np.interp(values, np.linspace(0, 1, len(ramp)), channel) for channel in ramp.T])
    return np.asarray(tile * (1 + 0.07 * _make_noise(rng, size, 0.8, size))[..., None])


def _make_noise(rng: np.random.Generator, size: int, slope: float, longest: float) -> Reals:
    """Seamless noise [size, size] of mean 0 and deviation 1, of amplitude 1 / frequency**slope.

    longest: the wave in pixels beyond which the amplitude grows no more; waves of twice its length are left out.
    """
    lowest = size / longest
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(size, 1 / size), np.fft.fftfreq(size, 1 / size)))
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * np.maximum(frequency, lowest) ** -slope
    field = np.fft.irfft2(np.where(frequency < lowest / 2, 0, spectrum), s=(size, size))
    return np.asarray(field / field.std())


def _make_rng(seed: str) -> np.random.Generator:
    """A random generator that depends only on the text (`hash` would differ from run to run)."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(seed.encode())))
