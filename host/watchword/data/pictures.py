"""Reads pictures: any file that Pillow can read becomes what a camera would see of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from watchword.data import files
from watchword.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
"""Extensions of the pictures that `find` picks up, in lower case."""

QQVGA = (160, 120)
"""Width and height of the frames that small cameras give."""

MOST_PIXELS = 150_000_000
"""Limit of a picture that is decoded: some 450 MB in memory."""


def find(folder: Path) -> list[Path]:
    """Find all pictures below a folder, as `files.find` does. DataError: no such folder."""
    return files.find(folder, SUFFIXES)


def read(path: Path) -> Image.Image:
    """Read a picture as 8-bit RGB, turned as its EXIF says; what is transparent becomes white.

    DataError: no such file, no picture, a broken or a huge one; or Pillow is not installed.
    """
    Image, ImageOps, _ = _pillow()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pictures that might be bombs: their size is looked at below
            with Image.open(path) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise DataError(
                        f"{path}: has {picture.width}x{picture.height} pixels, at most {MOST_PIXELS // 10**6} million are read"
                    )
                picture.draft("RGB", (2048, 2048))  # a large JPEG need not be decoded in full
                turned = ImageOps.exif_transpose(picture)
                return _rgb(turned)
    except Image.DecompressionBombError:
        raise DataError(f"{path}: has more than {MOST_PIXELS // 10**6} million pixels, which are not read") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, TypeError, IndexError, KeyError) as error:
        # What Pillow raises of a broken file depends on its kind; its own messages name the file once more.
        said = " ".join(str(error).replace(f" {str(path)!r}", "").split())
        raise DataError(f"{path}: no picture that can be read: {said or type(error).__name__}") from None


def _rgb(picture: Image.Image) -> Image.Image:
    Image, _, _ = _pillow()
    found: Any  # Pillow's types are of no use here
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip to 255
        values = np.asarray(picture).astype(np.int64)
        found = Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
    elif picture.has_transparency_data:
        found = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    else:
        found = picture
    return found.convert("RGB")  # type: ignore[no-any-return]


def fitted(picture: Image.Image, size: tuple[int, int] = QQVGA) -> NDArray[np.uint8]:
    """Crop and resize a picture to the frame of a camera, `size` (width, height): its middle, in full height or width.

    Returns uint8 (height, width, 3).
    """
    _, ImageOps, Resampling = _pillow()
    return np.asarray(ImageOps.fit(picture, size, Resampling.BOX))


def _pillow() -> tuple[Any, Any, Any]:
    """Import Pillow: its modules Image and ImageOps, and Resampling. DataError: it is not installed."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise DataError("pictures need Pillow: pip install pillow") from None
    return Image, ImageOps, Image.Resampling
