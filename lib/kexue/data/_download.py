"""Files that are downloaded by choice: checked against a pinned SHA-256, kept in one folder, never unpickled."""

import os
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["fetch", "folder"]


def folder() -> Path:
    """The folder that keeps downloaded files: ``KEXUE_DATA`` if that is set, else the system's cache folder.

    Returns
    -------
    pathlib.Path
        It need not exist yet.

    Examples
    --------
    >>> print(folder().is_absolute())
    True
    """
    chosen = os.environ.get("KEXUE_DATA")
    if chosen:
        return Path(chosen).expanduser().resolve()
    return Path(_pooch().os_cache("kexue"))


def fetch(url: str, sha256: str, name: str) -> Path:
    """Download a file once and return its path; a file that is there already is checked and used.

    Parameters
    ----------
    url : str
        Where the file is published.
    sha256 : str
        The checksum that the file must have, 64 hexadecimal digits.
    name : str
        The file's name in the cache folder; no path.

    Returns
    -------
    pathlib.Path
        Of a complete file with this checksum, inside :func:`folder`.

    Raises
    ------
    ValueError
        If what was downloaded has another checksum.
    ConnectionError
        If the download does not start or breaks off.
    ModuleNotFoundError
        If pooch is not installed.

    Notes
    -----
    The download goes to a temporary file, which is renamed when its checksum is right and removed when it is not.
    """
    pooch = _pooch()
    from requests.exceptions import RequestException

    path = folder() / name
    if path.exists():
        if pooch.file_hash(str(path), alg="sha256") == sha256:
            return path
        path.unlink()
    by_hand = f"save {url} as {path}"
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=name,
            path=path.parent,
            downloader=pooch.HTTPDownloader(progressbar=_Progress(name)),
        )
    except RequestException as error:
        raise ConnectionError(
            f"{name} could not be downloaded ({type(error).__name__}): connect to the Internet and call again, "
            f"or, from a machine that is connected, {by_hand}."
        ) from None
    except ValueError:
        raise ValueError(
            f"{name} arrived with a wrong SHA-256 checksum and was removed: call again, and if that does not help, "
            f"{by_hand}; its checksum must be {sha256}."
        ) from None
    return path


class _Progress:
    """The progress bar that pooch drives: one line on the error stream, rewritten at each whole per cent."""

    def __init__(self, name: str):
        self.name, self.total, self.done, self.shown = name, 0, 0, -1

    def update(self, size: int) -> None:
        self.done = min(self.done + size, self.total)
        percent = 100 * self.done // self.total if self.total else 0
        if percent != self.shown:
            self.shown = percent
            bar = "█" * (percent // 4)
            print(f"\r{self.name} {bar:25} {percent:3d} % of {self.total / 1e6:.1f} MB", end="", file=sys.stderr)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        print(file=sys.stderr, flush=True)


def _pooch() -> ModuleType:
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "kexue.data downloads with pooch, which is not installed: pip install pooch"
        ) from error
    return pooch
