"""The runs that exist: their workers, their history, who watches and who may control them."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from bnviz.config import RunConfig, live_changes
from bnviz.frames import Event, Frame
from bnviz.recording import Note, Recording
from bnviz.serve.history import History
from bnviz.serve.worker import Command, Worker

MAX_RUNS = 64
"""Runs with a process of their own, at most."""
NAP_SECONDS = 4.0
"""A run whose last viewer has been gone for so long rests, until one is back: long enough for a reload."""
UNWATCHED_SECONDS = 60.0
"""A run that nobody has watched for so long is stopped."""
FORGET_SECONDS = 900.0
"""A stopped run that nobody has watched for so long is forgotten."""
LONGEST_SECONDS = 3600.0
"""A run is stopped after this time."""
STOPPING_SECONDS = 2.0
SPARES = 1
REFILL_SECONDS = 4.0
"""A spare worker is not started sooner after a run: importing torch would hold up that run, and the page it is on."""
LIVE = ("starting", "running", "paused", "finished")
"""Status of a run that has a process."""


class TooManyRuns(RuntimeError):
    """All places for runs are taken."""


class Run:
    """One run: its config, what was measured so far, and the means to steer it.

    `id` is the key to watching it, `control` the key to steering it; both are unguessable, and pass on to the
    run that takes its place after a restart. Attributes are read from any thread; `changed` holds callbacks that
    are called, from the run's own thread, when there is news.
    """

    def __init__(self, config: RunConfig, owner: str, before: Run | None = None, for_viewers: bool = False) -> None:
        self.id: str = before.id if before else secrets.token_urlsafe(12)
        self.control: str = before.control if before else secrets.token_urlsafe(18)
        self.owner: str = before.owner if before else owner
        self.config = config
        """The config as changed so far."""
        self.started_with = config
        self.history = History()
        self.status = "starting"
        self.text = ""
        self.successor: Run | None = None
        """The run that took this one's place, after a restart."""
        self.watchers = 0
        self._for_viewers, self._napping = for_viewers, False
        self.changed: set[Callable[[], None]] = set()
        self.unwatched_since = self.started = time.monotonic()
        self.worker: Worker | None = None
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=30)
        self._lock = threading.Lock()

    @property
    def step(self) -> int:
        """The newest step measured."""
        latest = self.history.latest
        return latest[0].step if latest else 0

    @property
    def rate(self) -> float:
        """Steps a second over the last frames; 0 when not running."""
        if self.status != "running" or len(self._arrivals) < 2:
            return 0.0
        (t0, s0), (t1, s1) = self._arrivals[0], self._arrivals[-1]
        return (s1 - s0) / (t1 - t0) if t1 > t0 else 0.0

    @property
    def recording(self) -> Recording:
        """All that is kept of the run, as a recording."""
        steps, events = self.history.snapshot()
        return Recording(self.started_with, tuple(f for frames in steps for f in frames), tuple(events))

    def controlled_by(self, key: Any) -> bool:
        """Whether this is the key to steering the run."""
        return isinstance(key, str) and secrets.compare_digest(key.encode(), self.control.encode())

    def command(self, name: Command, **values: Any) -> None:
        """Send a command to the run's worker: play, pause, step, change, fork, pace."""
        if self.worker is not None:
            self._arrivals.clear()
            self.worker.send(name, **values)

    def become(self, config: RunConfig) -> None:
        """Take over, without a reset, what can change so (see `config.live_changes`); a finished run goes on."""
        for arm, fields in live_changes(self.config, config):
            label = None if arm is None else self.started_with.labels[arm]
            self.command("change", arm=label, fields={name: str(value) for name, value in fields.items()})
        self.config = config
        if self.status == "finished":
            self.command("play")

    def watch(self, news: Callable[[], None]) -> None:
        """Count a watcher, and call `news` whenever something is new."""
        with self._lock:
            self.watchers += 1
            self.changed.add(news)
            self._for_viewers, napping, self._napping = True, self._napping, False
        if napping:
            self.command("play")

    def leave(self, news: Callable[[], None]) -> None:
        """The watcher is gone."""
        with self._lock:
            self.watchers -= 1
            self.changed.discard(news)
            self.unwatched_since = time.monotonic()

    def glimpse(self) -> None:
        """Somebody looked once, for want of a socket: the run goes on for a while, awake."""
        with self._lock:
            self._for_viewers, napping, self._napping = True, self._napping, False
            self.unwatched_since = time.monotonic()
        if napping:
            self.command("play")

    def nap(self) -> None:
        """Rest until somebody watches again; a run that was never watched is somebody's program, and goes on."""
        with self._lock:
            if self._for_viewers and not self.watchers and self.status == "running" and not self._napping:
                self._napping = True
                self.command("pause")

    def take(self, item: tuple[Frame, ...] | Event | Note) -> None:
        """Take in what the worker says."""
        if isinstance(item, Event):
            self.history.add_event(item)
        elif isinstance(item, Note):
            self._take_note(item)
        else:
            if self.history.latest is None:
                self.nap()  # a page that is still loading needs the processor, and its visitor the first steps
            self.history.add(item)
            self._arrivals.append((time.monotonic(), item[0].step))
        self.tell()

    def _take_note(self, note: Note) -> None:
        if note.kind in ("progress", "problem"):
            self.text = note.text
        elif note.kind in ("running", "paused", "finished") and self.status in LIVE:  # not after its end
            self.status, self.text = note.kind, ""
        elif note.kind == "failed":
            self.end("failed", note.text)

    def end(self, status: str, text: str) -> None:
        """Note how the run ended, unless it is known already."""
        if self.status in LIVE:
            self.status, self.text = status, text
            self.tell()

    def tell(self) -> None:
        """Call all watchers."""
        with self._lock:
            waiting = tuple(self.changed)
        for news in waiting:
            news()


class Hub:
    """Starts runs, keeps them while somebody cares, and ends them.

    Thread-safe. One warm worker stands by, so that a new run has not to wait for `import torch`.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._busy: set[Worker] = set()
        self._spares: list[Worker] = []
        self._lock = threading.Condition(threading.RLock())
        self._closed = threading.Event()
        self._started = time.monotonic()  # when the newest run started
        self._janitor = threading.Thread(target=self._tidy, daemon=True)

    def open(self) -> None:
        """Start the spare worker and the janitor."""
        self._refill()
        self._janitor.start()

    def close(self) -> None:
        """End every run and every process."""
        self._closed.set()
        with self._lock:
            for run in self._runs.values():
                run.end("stopped", "The server is shutting down.")
            workers = [*self._busy, *self._spares]
            self._spares = []
        for worker in workers:
            worker.close()

    def get(self, run_id: str) -> Run | None:
        """The run with this id, or None."""
        with self._lock:
            return self._runs.get(run_id)

    def runs(self) -> Iterator[Run]:
        """All runs that are known."""
        with self._lock:
            yield from tuple(self._runs.values())

    def start(self, config: RunConfig, owner: str, instead_of: Run | None = None, for_viewers: bool = False) -> Run:
        """Start a run, stopping the one whose place it takes; who watches that one goes on with the new one.

        for_viewers: rest after the first frames until somebody watches. Errors: TooManyRuns.
        """
        if instead_of is not None:
            self.stop(instead_of, "Started anew.")
        with self._lock:
            if len(self._busy) >= MAX_RUNS:
                raise TooManyRuns(f"This server trains {MAX_RUNS} runs already; please try again in a minute.")
            run = Run(config, owner, before=instead_of, for_viewers=for_viewers)
            run.worker = self._take_worker(instead_of)
            self._busy.add(run.worker)
            self._runs[run.id] = run
        self._started = time.monotonic()
        threading.Thread(target=self._serve, args=(run, run.worker), daemon=True).start()
        if instead_of is not None:
            instead_of.successor = run
            instead_of.tell()
        return run

    def _take_worker(self, instead_of: Run | None) -> Worker:
        """A warm worker: the one that the old run gives back within a moment, or the spare one; else a new one.

        The spare one may still be importing torch, so the one that comes back is taken first: it is the last.
        """
        if instead_of is not None:
            self._lock.wait_for(lambda: instead_of.worker is None, timeout=1.0)
        self._spares = [worker for worker in self._spares if worker.alive]
        return self._spares.pop() if self._spares else Worker()

    def restart(self, run: Run) -> Run:
        """Start the run again with its settings as changed so far."""
        return self.start(run.config, run.owner, instead_of=run)

    def stop(self, run: Run, text: str = "Stopped.") -> None:
        """Stop a run; its frames stay."""
        run.end("stopped", text)
        worker = run.worker
        if worker is not None:
            worker.send("stop")
            # A worker that does not answer (a download, a step that takes for ever) is not waited for.
            timer = threading.Timer(STOPPING_SECONDS, self._insist, (run, worker))
            timer.daemon = True
            timer.start()

    def _abandon(self, run: Run, text: str) -> None:
        """Stop a run and end its process: nobody waits for another run in its place."""
        run.end("stopped", text)
        if (worker := run.worker) is not None:
            worker.close()

    def _insist(self, run: Run, worker: Worker) -> None:
        if run.worker is worker:
            worker.close()

    def _serve(self, run: Run, worker: Worker) -> None:
        """Thread of one run: take in what its worker says, then give the worker back."""
        ready_again = False
        for item in worker.run(run.config):
            ready_again = isinstance(item, Note) and item.kind == "stopped"
            run.take(item)
        with self._lock:
            run.worker = None
            self._busy.discard(worker)
            keep = ready_again and len(self._spares) <= SPARES and not self._closed.is_set()
            if keep:
                self._spares.append(worker)
            self._lock.notify_all()
        if not keep:
            worker.close()
        if not ready_again:
            run.end("failed", f"Training ended early: {worker.last_words()}. All frames so far are kept.")

    def _refill(self) -> None:
        with self._lock:
            self._spares = [worker for worker in self._spares if worker.alive]
            if not self._closed.is_set() and len(self._spares) < SPARES:
                self._spares.append(Worker())

    def _tidy(self) -> None:
        """Thread of the janitor: stop what nobody watches, forget what nobody remembers."""
        while not self._closed.wait(1.0):
            now = time.monotonic()
            if now - self._started > REFILL_SECONDS:
                self._refill()
            for run in self.runs():
                alone = 0.0 if run.watchers else now - run.unwatched_since
                if run.worker is not None and alone > UNWATCHED_SECONDS:
                    self._abandon(run, "Stopped because nobody was watching.")
                elif run.worker is not None and now - run.started > LONGEST_SECONDS:
                    self._abandon(run, "Stopped after an hour.")
                elif run.worker is not None and alone > NAP_SECONDS:
                    run.nap()
                elif run.worker is None and alone > FORGET_SECONDS:
                    with self._lock:
                        self._runs.pop(run.id, None)
