"""The firmware as packages for `mpremote mip install`."""

from __future__ import annotations

import json
from pathlib import Path

from watchword import shipped
from watchword.errors import SetupError
from watchword.firmware import BYTECODE, NATIVE, files


def write(folder: Path) -> list[Path]:
    """Write files and package files, all in one folder. Returns the package files.

    For each architecture `package-ARCH.json` installs all that `watchword flash` does, and `library-ARCH.json` all but main.py,
    for those who have their own. URLs are relative to the package file and without folders, as a release page wants them.
    Raises SetupError where the folder cannot be written.
    """
    packages = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*NATIVE, BYTECODE):
            urls = []
            for path, data in files(name).items():
                url = f"{name}-{path.replace('/', '.')}"
                (folder / url).write_bytes(data)
                # mip installs below /lib; main.py must be beside it, and the package where `watchword flash` has it, or the
                # board would hold two.
                urls.append([f"../{path}", url])
            for kind, some in ("package", urls), ("library", urls[:-1]):
                package = folder / f"{kind}-{name}.json"
                package.write_text(json.dumps({"version": shipped.__version__, "urls": some}, indent=1) + "\n")
                packages.append(package)
    except OSError as error:
        raise SetupError(f"{folder}: the packages cannot be written there: {error.strerror}") from None
    return packages
