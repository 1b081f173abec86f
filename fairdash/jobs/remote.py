"""Jobs on a Ray cluster, through its Jobs API: this machine's worker hands a job over, says how far it is, and has it
done again where the cluster was lost. No process of the app begins Ray: what it needs are requests over HTTP.

The cluster's machines have FairDash in this version, as `python -m fairdash`, and see the workspace under the same
path. What is handed over lies there:

    remote/<job>/request.json   {"kind", "params"}
    remote/<job>/attempt        the name under which the cluster knows the latest attempt
    remote/<job>/told.jsonl     how far it is, see `progress.telling`
    remote/<job>/end.json       {"result"}, or {"error", "hint", "said"}

`python -m fairdash.jobs.remote HOME JOB OWNER` is what the cluster runs.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from fairdash import log, settings, trail, words
from fairdash.engines import TRIES, using
from fairdash.errors import Cancelled, ConfigError, FairDashError, JobError
from fairdash.progress import Heard, Progress, telling
from fairdash.workspace import Workspace, write_json

P = ParamSpec("P")
T = TypeVar("T")
ANSWER = 10.0  # seconds in which the cluster has to answer a request
ENDS = 30.0  # seconds in which a job that is stopped ends; after three the cluster kills it
LOOK = 1.0  # seconds between two looks at a job
PATIENCE = 600.0  # seconds in which a cluster that does not answer has to come back
_RUNS = ("PENDING", "RUNNING")
_SAME = (*(f"FAIRDASH_{name}" for name in sorted(settings.NUMBERS)), "FAIRDASH_PLUGINS", "FAIRDASH_CPU_BF16")


def run(address: str, workspace: Workspace, job: str, kind: str, params: Mapping[str, Any], progress: Progress) -> Any:
    """The result of a job that the cluster whose dashboard answers at this address works on. One that still runs there,
    as its worker here was lost, is not begun again. Raises what the job raised, Cancelled when progress says stop, and
    JobError for a cluster that does not come back."""
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(
            words.say("{address} is no address of a Ray dashboard.", address=repr(address)),
            words.say("FAIRDASH_RAY_JOBS is an address as http://127.0.0.1:8265."),
        )
    folder = workspace.root / "remote" / job
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "request.json", {"kind": kind, "params": dict(params)})
    cluster, heard = _Cluster(address), Heard(folder / "told.jsonl", progress)
    attempt = _attempt(folder)
    for left in reversed(range(TRIES)):
        if attempt is None or _patiently(progress, cluster.state, attempt) not in _RUNS:
            for name in ("end.json", "told.jsonl"):
                (folder / name).unlink(missing_ok=True)
            heard = Heard(folder / "told.jsonl", progress)
            attempt = f"{job}-{uuid.uuid4().hex[:8]}"
            (folder / "attempt").write_text(attempt)
            _patiently(progress, cluster.submit, attempt, workspace, job)
        try:
            state = _watch(cluster, attempt, heard, progress)
        except Cancelled:
            cluster.stop(attempt)
            raise
        if (folder / "end.json").exists():
            end = json.loads((folder / "end.json").read_text("utf-8"))
            shutil.rmtree(folder)
            if "result" in end:
                return end["result"]
            raise JobError(words.again(end["error"], end["said"]), words.again(end["hint"], end["said"]))
        if state == "STOPPED":
            raise JobError(words.say("The job was stopped on the cluster."),
                           words.say("Resume goes on from the last checkpoint."))  # fmt: skip
        if left:
            progress(0.0, words.say("The cluster lost the job; it is begun again and goes on from its last checkpoint"))
    raise JobError(
        words.say("The cluster lost the job, again and again."),
        words.say("Look at its nodes (`ray status`) and their memory. Resume goes on from the last checkpoint."),
    )


def _watch(cluster: _Cluster, attempt: str, heard: Heard, progress: Progress) -> str:
    """Wait for the end of an attempt, saying how far it is and printing its log; its last state, "" where the cluster
    does not know it any more."""
    printed = 0
    while True:
        state = _patiently(progress, cluster.state, attempt)
        text = _patiently(progress, cluster.log, attempt)
        print(text[printed:], end="", flush=True)
        printed = max(printed, len(text))
        heard()
        if state not in _RUNS:
            return state
        time.sleep(LOOK)


def _patiently(progress: Progress, ask: Callable[P, T], *asked: P.args, **more: P.kwargs) -> T:
    """What a question to the cluster is answered with, asked again while nobody answers."""
    since = None
    while True:
        try:
            return ask(*asked, **more)
        except (OSError, ValueError) as error:
            now = time.monotonic()
            since = now if since is None else since
            if now - since > PATIENCE:
                raise JobError(
                    words.say("The Ray cluster does not answer: {error}.", error=str(error)),
                    words.say("Check FAIRDASH_RAY_JOBS, or start the cluster; Resume then goes on."),
                ) from error
            progress(0.0, words.say("The Ray cluster does not answer; waiting for it"))
            time.sleep(LOOK)


def _attempt(folder: Path) -> str | None:
    try:
        return (folder / "attempt").read_text() or None
    except FileNotFoundError:
        return None


class _Cluster:
    """The Jobs API's REST interface. Methods raise OSError where nobody answers, ValueError for what is no answer."""

    def __init__(self, address: str) -> None:
        self._jobs = f"{address.rstrip('/')}/api/jobs/"

    def submit(self, attempt: str, workspace: Workspace, job: str) -> None:
        """Hand a job over; one that is known already is left."""
        if self.state(attempt):
            return
        whose = [workspace.owner] if workspace.owner else []
        command = shlex.join(["python", "-m", "fairdash.jobs.remote", str(workspace.home), job, *whose])
        same = {name: os.environ[name] for name in _SAME if name in os.environ}
        self._ask("POST", "", {"entrypoint": command, "submission_id": attempt, "runtime_env": {"env_vars": same}})

    def state(self, attempt: str) -> str:
        """PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED; "" for one that it does not know."""
        return str((self._ask("GET", attempt) or {"status": ""})["status"])

    def log(self, attempt: str) -> str:
        """All that it printed so far; "" where that cannot be told, as its machine is gone."""
        try:
            return str((self._ask("GET", f"{attempt}/logs") or {"logs": ""})["logs"] or "")
        except urllib.error.HTTPError:
            return ""

    def stop(self, attempt: str) -> None:
        """Ask for its end, where the cluster answers, and wait for that a moment."""
        try:
            self._ask("POST", f"{attempt}/stop")
            until = time.monotonic() + ENDS
            while self.state(attempt) in _RUNS and time.monotonic() < until:
                time.sleep(LOOK)
        except (OSError, ValueError):
            return

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """JSON; None for what the cluster does not know. Raises JobError for what it refuses."""
        request = urllib.request.Request(self._jobs + path, method=method)
        request.add_header("Content-Type", "application/json")
        if token := os.environ.get("RAY_AUTH_TOKEN"):
            request.add_header("Authorization", f"Bearer {token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, ANSWER) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                if error.code in (400, 401, 403):
                    raise JobError(
                        words.say("The Ray cluster refuses the request: {error}.", error=str(error)),
                        words.say("Check RAY_AUTH_TOKEN, and that the cluster has ray[default]."),
                    ) from error
                raise


def main(home: str, job: str, owner: str = "") -> int:
    """What the cluster runs: a job that was handed over, with all that the cluster has; the exit code of
    `worker.main`."""
    from fairdash.engines.on_ray import OnRay
    from fairdash.jobs import kinds

    workspace = Workspace(Path(home)).of(owner)
    folder = workspace.root / "remote" / job
    asked = json.loads((folder / "request.json").read_text("utf-8"))
    with telling(folder / "told.jsonl") as tell, trail.acting(trail.job_of(owner)):
        try:
            with using(OnRay("auto")):
                end: dict[str, Any] = {"result": kinds.run(workspace, asked["kind"], asked["params"], tell)}
            code = 0
        except FairDashError as error:
            end, code = (
                {"error": error.message, "hint": error.hint, "said": words.forms([error.message, error.hint])},
                2,
            )
        except Exception as error:  # the last line of defence, as in `worker.main`
            number = log.fault(error, "job", workspace.root)
            said = words.say("The job stopped on an unexpected error (number {number}).", number=number)
            hint = words.say("Nothing that was stored is lost; the server's log holds the details.")
            end, code = {"error": said, "hint": hint, "said": words.forms([said, hint])}, 1
    write_json(folder / "end.json", end)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
