"""What there is to watch: runs with their workers, recordings that were opened; what nobody needs is ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bnviz import awake
from bnviz.config import RunConfig
from bnviz.recording import Note
from bnviz.serve import journal
from bnviz.serve.lent import Lent
from bnviz.serve.own_model import OwnModel
from bnviz.serve.run import Run
from bnviz.serve.shelf import Shelf
from bnviz.serve.worker import Worker
from bnviz.source import Kept, Source, Status

MAX_RUNS = 64
"""Runs with a process of their own, at most."""
NAP_SECONDS = 4.0
"""A run whose last viewer has been gone for so long rests, until one is back: long enough for a reload."""
UNWATCHED_SECONDS = 60.0
"""A run that nobody has watched for so long is stopped."""
FORGET_SECONDS = 900.0
"""A stopped run that nobody has watched for so long is forgotten; its file stays."""
ROOM_SECONDS = 5.0
"""How often the shelf is made to have room."""
LONGEST_SECONDS = 3600.0
"""A run is stopped after this time."""
STOPPING_SECONDS = 2.0
"""A worker that was told to stop and does not answer is killed after this time."""
SPARES = 1
REFILL_SECONDS = 4.0
"""A spare worker is not started sooner after a run: importing torch would hold up that run, and the page it is on."""


class TooManyRuns(RuntimeError):
    """All places for runs are taken."""


class Hub:
    """Starts runs, keeps them while somebody cares, and ends them.

    Thread-safe. One warm worker stands by, so that a new run has not to wait for `import torch`.
    """

    def __init__(self) -> None:
        self.front = ""
        """What a visitor sees first who comes without a link, by its id; empty: a run of their own."""
        self.own_model: OwnModel | None = None
        """The operator's own, if the server was started with one."""
        self.shelf = Shelf()
        """Where runs are kept."""
        self.opened: list[Kept] = []
        """The recordings that the server was started with."""
        self.lent = Lent()
        """Those that somebody has taken from the shelf."""
        self._sources: dict[str, Source] = {}
        self._busy: set[Worker] = set()
        self._spares: list[Worker] = []
        self._warm = True
        self._lock = threading.Condition(threading.RLock())
        self._closed = threading.Event()
        self._started = time.monotonic()  # when the newest run started
        self._janitor = threading.Thread(target=self._tidy, daemon=True)

    def open(self) -> None:
        """Start the janitor, and the spare worker unless recordings are there to be looked at."""
        self._warm = not self._sources
        self._refill()
        self._janitor.start()

    def close(self) -> None:
        """End every run and every process; what was kept of them stays."""
        self._closed.set()
        for run in self.runs():
            run.end(Status.STOPPED, "The server is shutting down.")
        with self._lock:
            workers = [*self._busy, *self._spares]
            self._spares = []
        for worker in workers:
            worker.close()
        with self._lock:  # a thread that is still reading Arrow when Python ends would abort the process
            self._lock.wait_for(lambda: not self._busy, timeout=STOPPING_SECONDS)
        for run in self.runs():
            run.keeper.close()

    def get(self, source_id: str) -> Source | None:
        """What has this id, or None."""
        with self._lock:  # found by hashes that nobody outside can know, so that time tells nothing of the ids
            return self._sources.get(source_id) or self.lent.get(source_id)

    def runs(self) -> Iterator[Run]:
        """All runs that are known."""
        with self._lock:
            sources = tuple(self._sources.values())
        yield from (source for source in sources if isinstance(source, Run))

    @property
    def workers(self) -> int:
        """How many processes there are for runs, those that stand by among them."""
        with self._lock:
            return len(self._busy) + len(self._spares)

    def add(self, source: Source) -> None:
        """Make something watchable that is no run of ours, such as a recording; it stays as long as the server."""
        with self._lock:
            self._sources[source.id] = source

    def of(self, file: Path, kind: type[Run] | type[Kept]) -> Source | None:
        """The run that a file is of, or the recording that was opened from it; None where there is none."""
        with self._lock:
            sources = (*self._sources.values(), *self.lent.all())
        return next((each for each in sources if isinstance(each, kind) and each.file == file), None)

    def start(
        self, config: RunConfig, owner: str, instead_of: Run | None = None, for_viewers: bool = False,
        rest_at: int | None = None,
    ) -> Run:  # fmt: skip
        """Start a run, stopping the one whose place it takes; who watches that one goes on with the new one.

        for_viewers: rest after the first frames until somebody watches. rest_at: rest at this step until told to
        play. Where another run has taken that place
        already, by a second press of the same button, that one is returned. Errors: TooManyRuns.
        """
        with self._lock:
            if instead_of is not None and self._sources.get(instead_of.id) is not instead_of:
                taken = self._sources.get(instead_of.id)
                if isinstance(taken, Run):
                    return taken
            busy = len(self._busy) - (instead_of is not None and instead_of.worker is not None)
            if busy >= MAX_RUNS:
                raise TooManyRuns(f"This server trains {MAX_RUNS} runs already; please try again in a minute.")
            self._warm = True
            run = Run(config, owner, instead_of, for_viewers, self.shelf)
            run.rest_at = rest_at
            self._sources[run.id] = run  # from here on the place is taken
            if instead_of is not None:
                self.stop(instead_of, "Started anew.")
            run.worker = self._take_worker(instead_of)
            self._busy.add(run.worker)
        self._started = time.monotonic()
        journal.tell("run-started", run=journal.short(run.id))
        threading.Thread(target=self._serve, args=(run, run.worker), daemon=True).start()
        if instead_of is not None:
            instead_of.replaced_by(run)
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
        run.end(Status.STOPPED, text)
        worker = run.worker
        if worker is not None:
            worker.send("stop")
            # A worker that does not answer (a download, a step that takes for ever) is not waited for.
            timer = threading.Timer(STOPPING_SECONDS, self._insist, (run, worker))
            timer.daemon = True
            timer.start()

    def _abandon(self, run: Run, text: str, status: Status = Status.STOPPED) -> None:
        """Stop a run and end its process: nobody waits for another run in its place."""
        run.end(status, text)
        if (worker := run.worker) is not None:
            worker.close()

    def _insist(self, run: Run, worker: Worker) -> None:
        if run.worker is worker:
            worker.close()

    def _serve(self, run: Run, worker: Worker) -> None:
        """Thread of one run: take in what its worker says, then give the worker back, or end it."""
        ready_again = False
        for item in worker.run(run.config, self.own_model.spec if self.own_model else None, run.rest_at):
            ready_again = isinstance(item, Note) and item.kind == "stopped"
            run.take(item)
        run.keeper.close()
        with self._lock:
            keep = ready_again and len(self._spares) <= SPARES and not self._closed.is_set()
            if keep:
                self._spares.append(worker)
        if not keep:
            worker.close()  # before the run says that it has none: whoever waits for that finds it gone
        with self._lock:
            run.worker = None
            self._busy.discard(worker)
            self._lock.notify_all()
        if not ready_again:
            text = f"Training ended early: {worker.last_words()}. All frames so far are kept."
            run.end(Status.FAILED, text)
        journal.tell(
            "run-ended", run=journal.short(run.id), status=run.status.value, reason=run.text, step=run.step,
            seconds=round(time.monotonic() - run.started, 1),
        )  # fmt: skip

    def _refill(self) -> None:
        with self._lock:
            self._spares = [worker for worker in self._spares if worker.alive]
            if self._warm and not self._closed.is_set() and len(self._spares) < SPARES:
                self._spares.append(Worker())

    def _tidy(self) -> None:
        """Thread of the janitor: stop what nobody watches, forget what nobody remembers."""
        tidied = 0.0
        while not self._closed.wait(1.0):
            if time.monotonic() - self._started > REFILL_SECONDS:
                self._refill()
            for run in self.runs():
                self._tend(run)
            self.lent.tidy()
            if time.monotonic() - tidied > ROOM_SECONDS:
                tidied = time.monotonic()
                self._make_room()

    def _make_room(self) -> None:
        with self._lock:
            sources = (*self._sources.values(), *self.lent.all())
        spare = {source.file for source in sources if source.file is not None}
        self.shelf.make_room(spare)

    def _tend(self, run: Run) -> None:
        if (worker := run.worker) is None:
            if run.alone_for > FORGET_SECONDS and not run.status.live:
                with self._lock:
                    self._sources.pop(run.id, None)
        elif run.alone_for > UNWATCHED_SECONDS:
            self._abandon(run, "Stopped because nobody was watching.")
        elif awake.now() - run.started > LONGEST_SECONDS:
            self._abandon(run, "Stopped after an hour.")
        elif hung := worker.look(begun=run.status is not Status.STARTING):
            self._abandon(run, f"Training ended: {hung}. All frames so far are kept.", Status.FAILED)
        elif run.alone_for > NAP_SECONDS:
            run.nap()
