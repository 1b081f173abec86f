"""A browser for the end-to-end tests: `python -m tests.e2e.browser` makes one available and says which.

An installed Chrome or Chromium is used; else Playwright's own is installed; else, as root on Debian, the package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# Without these Chromium looks for its maker's hosts at every start; as root it refuses its sandbox.
ARGS = (
    *(("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def installed() -> str | None:
    """The path of an installed Chrome or Chromium; FAIRDASH_BROWSER names another one."""
    given = os.environ.get("FAIRDASH_BROWSER")
    if given:
        return given
    return next(filter(None, map(shutil.which, NAMES)), None) or (str(MAC) if MAC.exists() else None)


def playwrights_own(playwright: Playwright) -> str | None:
    """The path of the Chromium that Playwright installed for itself, if it did."""
    path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def ensure() -> str:
    """The path of a browser, installing one where there is none. Exits with a sentence when that cannot be done."""
    found = installed()
    if found:
        return found
    with sync_playwright() as playwright:
        if own := playwrights_own(playwright):
            return own
        print("No Chrome or Chromium here: installing Playwright's own", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        if own := playwrights_own(playwright):
            return own
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Playwright's browser could not be fetched: installing Debian's package", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, env=environment)
        if found := installed():
            return found
    sys.exit(
        "No browser for the end-to-end tests. Install Chrome or Chromium, or name one in FAIRDASH_BROWSER, "
        "and run `make test` again."
    )


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless browser for as long as the block lasts."""
    path = ensure()  # before Playwright is at work: a second one of it in the same thread is refused
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    print(ensure())
