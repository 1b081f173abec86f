"""Long jobs go to a Ray cluster through its Jobs API: progress, log, stop, and a cluster that dies. The cluster here is
a server that answers as the API does and works in threads; `tests.load.cluster` asks a real one."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fairdash import trail
from fairdash.errors import Cancelled, ConfigError, DataError, JobError
from fairdash.jobs import kinds, remote, runner, worker
from fairdash.progress import Progress
from fairdash.workspace import Workspace


class Jobs:
    """What a cluster knows: by id its state and log, and what it was asked to run."""

    def __init__(self, run: Callable[..., int]) -> None:
        self.run = run
        self.known: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.stopped = threading.Event()

    def answer(self, method: str, path: str, body: Any) -> Any:
        """The answer as JSON; None: 404."""
        name, _, what = path.removeprefix("/api/jobs/").partition("/")
        if method == "POST" and not name:
            self.asked.append(body)
            name = body["submission_id"]
            self.known[name] = "RUNNING"
            asked = shlex.split(body["entrypoint"])[3:]
            threading.Thread(target=self._work, args=(name, *asked), daemon=True).start()
            return {"submission_id": name}
        if name not in self.known:
            return None
        if what == "stop":
            self.known[name] = "STOPPED"
            self.stopped.set()
            return {"stopped": True}
        return {"logs": f"log of {name}\n"} if what == "logs" else {"status": self.known[name]}

    def _work(self, name: str, *asked: str) -> None:
        try:
            code = self.run(*asked)
        except KeyError:  # a machine was lost
            code = 1
        if self.known.get(name) == "RUNNING":
            self.known[name] = "FAILED" if code else "SUCCEEDED"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Jobs, str]]]:
    """A cluster that runs jobs so: what it knows, and its address."""
    servers = []

    def serve(run: Callable[..., int] = remote.main, port: int = 0) -> tuple[Jobs, str]:
        jobs = Jobs(run)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                found = jobs.answer(self.command, self.path, body)
                text = json.dumps(found).encode()
                self.send_response(404 if found is None else found.get("refused", 200))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET  # noqa: N815  # the library calls it so

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return jobs, f"http://127.0.0.1:{server.server_port}"

    monkeypatch.setattr(remote, "LOOK", 0.01)
    monkeypatch.setattr("fairdash.engines.on_ray.OnRay", lambda _: None)
    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path).ready()


def kind(monkeypatch: pytest.MonkeyPatch, work: Callable[[Progress], dict[str, Any]]) -> None:
    """A kind of job that does this."""
    monkeypatch.setitem(kinds._KINDS, "probe", lambda workspace, params, progress: work(progress))


class Told:
    """A Progress that keeps all, and says stop when asked to."""

    def __init__(self, stop: Callable[[str], bool] = lambda _: False) -> None:
        self.said: list[tuple[float, str, Mapping[str, float] | None]] = []
        self.stop = stop

    def __call__(self, done: float, message: str = "", values: Mapping[str, float] | None = None) -> None:
        self.said.append((done, message, values))
        if self.stop(message):
            raise Cancelled("stop")


def test_a_job_runs_there_and_says_how_far_it_is(served, workspace: Workspace, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FAIRDASH_BOOTSTRAP", "50")
    monkeypatch.setenv("FAIRDASH_API_TOKEN", "secret")

    def work(progress: Progress) -> dict[str, Any]:
        progress(0.5, "half", {"loss": 2.0})
        return {"runs": "r"}

    kind(monkeypatch, work)
    jobs, address = served()
    told = Told()
    assert remote.run(address, workspace, "j", "probe", {"a": 1}, told) == {"runs": "r"}
    assert (0.5, "half", {"loss": 2.0}) in told.said
    (asked,) = jobs.asked
    assert asked["entrypoint"] == f"python -m fairdash.jobs.remote {workspace.root} j"
    assert asked["runtime_env"] == {"env_vars": {"FAIRDASH_BOOTSTRAP": "50"}}  # what numbers hang on, and no secret
    assert capsys.readouterr().out == f"log of {asked['submission_id']}\n"
    assert not (workspace.root / "remote" / "j").exists()


def test_it_runs_in_the_workspace_of_its_owner(served, workspace: Workspace, monkeypatch) -> None:
    owner = "0f" * 16
    own = workspace.of(owner).ready()
    seen: list[tuple[Workspace, str]] = []

    def work(at: Workspace, params: Any, progress: Progress) -> dict[str, Any]:
        trail.note(at, "train")
        seen.append((at, trail.read(at)[-1].who))
        return {"runs": "r"}

    monkeypatch.setitem(kinds._KINDS, "probe", work)
    _, address = served()
    assert remote.run(address, own, "j", "probe", {}, Told()) == {"runs": "r"}
    assert seen == [(own, "job of person 0f0f0f0f0f0f")]


def test_its_errors_are_the_job_s(served, workspace: Workspace, monkeypatch) -> None:
    def work(progress: Progress) -> dict[str, Any]:
        raise DataError("That cannot be.", "Do this.")

    kind(monkeypatch, work)
    jobs, address = served()
    with pytest.raises(JobError, match="That cannot be") as caught:
        remote.run(address, workspace, "j", "probe", {}, Told())
    assert caught.value.hint == "Do this."
    assert len(jobs.asked) == 1


def test_a_stop_reaches_the_cluster(served, workspace: Workspace) -> None:
    over = threading.Event()
    jobs, address = served(lambda root, job: int(not over.wait()))
    with pytest.raises(Cancelled):
        remote.run(address, workspace, "j", "probe", {}, Told(lambda _: bool(jobs.known)))
    assert jobs.stopped.is_set()
    over.set()


def test_a_job_that_the_cluster_lost_is_begun_again(served, workspace: Workspace, monkeypatch) -> None:
    kind(monkeypatch, lambda progress: {"runs": "r"})
    lost: list[str] = []

    def run(root: str, job: str) -> int:
        if not lost:
            lost.append(job)
            raise KeyError  # without a word
        return remote.main(root, job)

    jobs, address = served(run)
    told = Told()
    assert remote.run(address, workspace, "j", "probe", {}, told) == {"runs": "r"}
    assert len(jobs.asked) == 2
    assert any("The cluster lost the job" in message for _, message, _ in told.said)


def test_a_cluster_that_died_and_came_back_gets_the_job_again(served, workspace: Workspace, monkeypatch) -> None:
    kind(monkeypatch, lambda progress: {"runs": "r"})
    began = threading.Event()

    def stays(root: str, job: str) -> int:
        began.set()
        threading.Event().wait()
        return 0

    jobs, address = served(stays)
    port = int(address.rpartition(":")[2])

    def dies(message: str) -> bool:
        if began.is_set() and jobs.known:  # it forgets all, and works again
            jobs.known.clear()
            jobs.run = remote.main
        return False

    assert remote.run(f"http://127.0.0.1:{port}", workspace, "j", "probe", {}, Told(dies)) == {"runs": "r"}
    assert len(jobs.asked) == 2


def test_a_cluster_that_refuses_is_named_at_once(served, workspace: Workspace, monkeypatch) -> None:
    jobs, address = served()
    monkeypatch.setattr(jobs, "answer", lambda *_: {"refused": 401})
    with pytest.raises(JobError, match="refuses the request: HTTP Error 401"):
        remote.run(address, workspace, "j", "probe", {}, Told())


def test_a_cluster_that_does_not_come_back_is_named(workspace: Workspace, monkeypatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.0)
    monkeypatch.setattr(remote, "LOOK", 0.01)
    with pytest.raises(JobError, match="does not answer"):
        remote.run("http://127.0.0.1:9", workspace, "j", "probe", {}, Told())
    with pytest.raises(ConfigError, match="no address of a Ray dashboard"):
        remote.run("file:///etc", workspace, "j", "probe", {}, Told())


def test_a_job_that_still_runs_there_is_not_begun_twice(served, workspace: Workspace, monkeypatch) -> None:
    kind(monkeypatch, lambda progress: {"runs": "r"})
    go = threading.Event()
    jobs, address = served(lambda root, job: remote.main(root, job) if go.wait() else 1)

    def killed(message: str) -> bool:
        if jobs.known:
            raise KeyboardInterrupt  # the worker of the app is gone
        return False

    with pytest.raises(KeyboardInterrupt):
        remote.run(address, workspace, "j", "probe", {}, Told(killed))
    assert remote.run(address, workspace, "j", "probe", {}, Told(lambda _: bool(go.set()))) == {"runs": "r"}
    assert len(jobs.asked) == 1


def test_the_app_s_worker_hands_long_jobs_over(served, workspace: Workspace, monkeypatch) -> None:
    jobs, address = served()
    monkeypatch.setenv("FAIRDASH_RAY_JOBS", address)
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr(runner, "_start", lambda *_: None)
    made = kinds.run(workspace, "dataset", {"source": "synthetic"})["datasets"]
    params = {"dataset": made, "split": "user-time:0.8", "recommender": "popularity"}
    job = runner.submit(workspace, "train", "A training", params)
    assert worker.main(str(workspace.root), job) == 0
    row = runner.get(workspace, job)
    assert row.state == "done", row.error
    assert row.result is not None
    assert workspace.has("runs", row.result["runs"])
    assert len(jobs.asked) == 1
    audit = runner.submit(workspace, "audit", "An audit", {"lists": row.result["lists"]})
    assert worker.main(str(workspace.root), audit) == 0
    assert len(jobs.asked) == 1  # seconds long: it stays here
