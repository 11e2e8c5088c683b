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
from bnviz.serve.admission import Admission
from bnviz.serve.forked import FORKS
from bnviz.serve.lent import Lent
from bnviz.serve.own_model import OwnModel
from bnviz.serve.pool import Pool
from bnviz.serve.run import Run
from bnviz.serve.shelf import Shelf
from bnviz.serve.standing import whereabouts
from bnviz.serve.worker import Worker
from bnviz.source import Kept, Source, Status

NAP_SECONDS = 4.0
"""A run whose last viewer has been gone for so long rests, until one is back: long enough for a reload."""
UNWATCHED_SECONDS = 60.0
"""A run that nobody has watched for so long gives its worker up; it comes back with its owner."""
FORGET_SECONDS = 900.0
"""A run without a worker that nobody has watched for so long is forgotten; its file stays."""
ROOM_SECONDS = 5.0
"""How often the shelf is made to have room."""
STOPPING_SECONDS = 2.0
"""A worker that was told to stop and does not answer is killed after this time."""


class Hub:
    """Starts runs, keeps them while somebody cares, and ends them; thread-safe."""

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
        self.admission = Admission()
        """What runs may use, and those that wait for it."""
        self.pool = Pool()
        """Their workers."""
        self._lock = threading.Condition(threading.RLock())
        self._closed = threading.Event()
        self._janitor = threading.Thread(target=self._tidy, daemon=True)

    def open(self) -> None:
        """Start the janitor, and the spare worker unless recordings are there to be looked at."""
        self.pool.warm = not self._sources
        self.pool.refill()
        self._janitor.start()

    def close(self) -> None:
        """End every run and every process; what was kept of them stays."""
        self._closed.set()
        for run in self.runs():
            run.end(Status.STOPPED, "The server is shutting down.")
        with self._lock:  # a thread that is still reading Arrow when Python ends would abort the process
            self.pool.close()
            self._lock.wait_for(lambda: not self.pool.busy, timeout=STOPPING_SECONDS)
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
            return len(self.pool)

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

        It begins at once where there is room, and else waits in the queue. for_viewers: rest after the first frames
        until somebody watches. rest_at: rest at this step until told to play. Where another run has taken that place
        already, by a second press of the same button, that one is returned. Errors: TooLarge, TooManyRuns.
        """
        self.admission.check(config)
        with self._lock:
            if instead_of is not None and self._sources.get(instead_of.id) is not instead_of:
                taken = self._sources.get(instead_of.id)
                if isinstance(taken, Run):
                    return taken
            run = Run(config, owner, instead_of, for_viewers, self.shelf)
            run.rest_at = rest_at
            begins = self.admission.enter(run, self.runs(), instead_of)
            self._sources[run.id] = run  # from here on the place is taken
            if instead_of is not None:
                self.stop(instead_of, "Started anew.")
            if begins:
                self._begin(run, instead_of)
        if instead_of is not None:
            instead_of.replaced_by(run)
        return run

    def welcome(self, run: Run) -> None:
        """The owner of a run is there: if it has given way, it comes back as soon as there is room."""
        if run.status is not Status.WAITING:
            return
        with self._lock:
            self._lock.wait_for(lambda: run.worker is None, timeout=STOPPING_SECONDS)
            apart = run.status is Status.WAITING and run not in self.admission.queue and run.worker is None
            if apart and self._sources.get(run.id) is run and self.admission.enter(run, self.runs()):
                self._begin(run)

    def _begin(self, run: Run, instead_of: Run | None = None) -> None:
        """Give a run a worker; unless it is forked, the one that the old run gives back in a moment is the warmest."""
        if instead_of is not None and not FORKS:
            self._lock.wait_for(lambda: instead_of.worker is None, timeout=1.0)
        worker = self.pool.take()
        run.begin(worker)
        journal.tell("run-started", run=journal.short(run.id))
        threading.Thread(target=self._serve, args=(run, worker), daemon=True).start()

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

    def _give_way(self, run: Run) -> None:
        """End the worker of a run that nobody watches; what was measured stays, and it comes back with its owner."""
        worker = run.worker
        run.give_way()
        if worker is not None:
            worker.close()

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
        model = self.own_model.spec if self.own_model else None
        for item in worker.run(run.started_with, model, run.rest_at, whereabouts(run.history)):
            ready_again = isinstance(item, Note) and item.kind == "stopped"
            run.take(item)
        run.keeper.close()
        with self._lock:
            kept = ready_again and not self._closed.is_set() and self.pool.keep(worker)
        if not kept:
            worker.close()  # before the run says that it has none: whoever waits for that finds it gone
        with self._lock:
            run.worker = None
            self.pool.busy.discard(worker)
            self._lock.notify_all()
        if not ready_again and run.status.live:
            text = f"Training ended early: {worker.last_words()}. All frames so far are kept."
            run.end(Status.FAILED, text)
        journal.tell(
            "run-ended", run=journal.short(run.id), status=run.status.value, reason=run.text, step=run.step,
            seconds=round(awake.now() - run.started, 1),
        )  # fmt: skip

    def _tidy(self) -> None:
        """Thread of the janitor: stop what nobody watches, forget what nobody remembers."""
        tidied = 0.0
        while not self._closed.wait(1.0):
            self.admission.measure(self.runs())
            with self._lock:
                if self._closed.is_set():
                    return
                self.pool.refill()
                if (first := self.admission.tick(self.runs())) is not None:
                    self._begin(first)
            for run in self.runs():
                self._tend(run)
            if (other := self.admission.who_gives_way(self.runs())) is not None:
                self._give_way(other)
            self.admission.share_cores(self.runs())
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
        minutes = self.admission.limits.minutes
        if (worker := run.worker) is None:
            if run.alone_for > FORGET_SECONDS and not run.status.live:
                with self._lock:
                    self._sources.pop(run.id, None)
        elif run.alone_for > UNWATCHED_SECONDS:
            self._give_way(run)
        elif awake.now() - run.since > minutes * 60:
            self._abandon(run, f"Stopped: it has trained for {minutes:g} min, as long as a run may here.")
        elif hung := worker.look(begun=run.status is not Status.STARTING):
            self._abandon(run, f"Training ended: {hung}. All frames so far are kept.", Status.FAILED)
        elif run.alone_for > NAP_SECONDS:
            run.nap()
