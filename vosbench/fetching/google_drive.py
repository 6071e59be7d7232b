"""Begin or continue the download of one file from Google Drive, with `gdown`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from vosbench.fetching.http_errors import DeniedError, RetryError, classify_http_errors, join_lines
from vosbench.fetching.over_http import ByteProgress

DRIVE_HOSTS = ("drive.google.com", "docs.google.com")


def is_drive_url(url: str) -> bool:
    """Whether a URL is one of Google Drive."""
    return urlsplit(url).hostname in DRIVE_HOSTS


def explain_drive_login() -> str:
    """How a person with permission lets `gdown` download as that person."""
    cookies = Path("~/.cache/gdown/cookies.txt").expanduser()  # gdown's default
    command = "gdown --cookies-from-browser firefox URL"
    return f"sign in to Google in Firefox and save its cookies to {cookies} (run: {command})"


def continue_drive_file(url: str, folder: Path, progress: ByteProgress, timeout: float) -> Path:
    """Download a file into `folder`, which gdown has for itself; returns the file's path when it is whole.

    progress and timeout are as in `continue_http_file`. Raises RetryError, RefusedError, and DeniedError for Google's
    page about quota or permission.
    """
    import gdown  # takes 0.4 s, which a command that fetches nothing from Google Drive must not pay

    whole = folder / "drive"
    with classify_http_errors():
        try:
            gdown.download(url, str(whole), quiet=True, resume=True, timeout=timeout, progress=progress)
        except gdown.FileURLRetrievalError as error:
            raise DeniedError(join_lines(str(error).partition("You may still")[0])) from None
        except gdown.DownloadError as error:
            reason = join_lines(str(error).partition("\n")[0])
            raise RetryError(f"{reason} (if this repeats, delete {folder} to begin anew)") from None
    return whole
