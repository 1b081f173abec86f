"""Limits and paths as named constants; those that are read by `_number` can be set in the environment under the name
FAIRDASH_<NAME>. One that changes numbers says so: `fairdash.identity` makes it part of what values are named by."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

NUMBERS: set[str] = set()  # names of the settings that change numbers


def _number(name: str, default: int, *, numbers: bool = False) -> int:
    if numbers:
        NUMBERS.add(name)
    given = os.environ.get(f"FAIRDASH_{name}", "").strip() or str(default)
    if re.fullmatch(r"\d+", given, re.ASCII) is None:
        print(f"FAIRDASH_{name} is {given!r}: give a whole number from 0 on, or unset it.", file=sys.stderr)
        raise SystemExit(2)  # read while modules load, before anything could catch an error
    return int(given)


def home() -> Path:
    """The workspace's folder: FAIRDASH_HOME, else .fairdash in the person's home."""
    return Path(os.environ.get("FAIRDASH_HOME", Path.home() / ".fairdash")).expanduser()


def api_token() -> str:
    """What a request to the API has to bear: FAIRDASH_API_TOKEN; "": the API answers this machine alone."""
    return os.environ.get("FAIRDASH_API_TOKEN", "").strip()


def ray_jobs() -> str:
    """Where a Ray cluster takes the app's long jobs: FAIRDASH_RAY_JOBS, its dashboard's address; "": this machine works
    on them."""
    return os.environ.get("FAIRDASH_RAY_JOBS", "").strip()


def api_hosts() -> frozenset[str]:
    """Names, beside those of this machine, under which the server is reached: FAIRDASH_API_HOSTS, with commas."""
    given = os.environ.get("FAIRDASH_API_HOSTS", "").lower().split(",")
    return frozenset(name.strip() for name in given if name.strip())


MAX_UPLOAD_MB = _number("MAX_UPLOAD_MB", 500)  # one uploaded file; .streamlit/config.toml says the same
MAX_UNPACKED_MB = _number("MAX_UNPACKED_MB", 4000)  # all members of an uploaded zip together
MAX_ZIP_MEMBERS = _number("MAX_ZIP_MEMBERS", 1000)
MAX_IMAGES = _number("MAX_IMAGES", 200_000)  # pictures in an uploaded zip
MAX_COLUMNS = _number("MAX_COLUMNS", 64)
MAX_ROWS = _number("MAX_ROWS", 200_000_000)
MAX_CELLS = _number("MAX_CELLS", 250_000_000)  # of a Parquet file, decoded, or a sheet; each takes 16 bytes or more
MAX_CATALOGUE_CELLS = _number("MAX_CATALOGUE_CELLS", 2_000_000_000)  # users × items scored in one run
QUOTA_GB = _number("QUOTA_GB", 50)  # the workspace's size
PRIVACY_BUDGET = _number("PRIVACY_BUDGET", 3)  # ε that all private releases of a data set may take together
RETENTION_DAYS = _number("RETENTION_DAYS", 0)  # of data sets that were brought, and of events; 0: no end
SIGN_IN_HOURS = _number("SIGN_IN_HOURS", 12)  # from one signing in to the next
SHARE_DAYS = _number("SHARE_DAYS", 90)  # that a link can last at most
CANDIDATES = _number("CANDIDATES", 100, numbers=True)  # best items kept for a user, for re-ranking
MIN_GROUP_SIZE = _number("MIN_GROUP_SIZE", 20, numbers=True)
FEWEST = _number("FEWEST", 5)  # people of a group whose values may be shown: those of fewer would tell of each of them
EVENT_LATENESS = _number("EVENT_LATENESS", 3600)  # seconds that an event may come after a later one, of a new log
BOOTSTRAP = _number("BOOTSTRAP", 1000, numbers=True)
PERMUTATIONS = _number("PERMUTATIONS", 2000, numbers=True)
K = 10
NUMBERS.add("K")
API_BODY_KB = _number("API_BODY_KB", 2000)  # of one request to the API
API_BODY_SECONDS = _number("API_BODY_SECONDS", 10)  # in which it has to arrive
API_BATCH = _number("API_BATCH", 1000)  # events in one request
API_HISTORY = _number("API_HISTORY", 1000)  # items of a history that is given
API_RATE = _number("API_RATE", 1000)  # requests a second from one address; of as many it may be ahead
API_RUNS = _number("API_RUNS", 2)  # runs that the API keeps in memory
# distributions whose metrics, mitigations and recommenders are loaded (fairdash.plugins); none unless named
PLUGINS = tuple(
    sorted(
        filter(
            None, (name.strip().lower().replace("_", "-") for name in os.environ.get("FAIRDASH_PLUGINS", "").split(","))
        )
    )
)
