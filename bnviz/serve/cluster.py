"""`bnviz --dask`: the workers of runs on the machines of an existing Dask cluster, through what Dask offers alone."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections import Counter
from contextlib import suppress
from functools import partial
from math import nan
from typing import IO, Any

from bnviz.serve.place import Place, be_ready
from bnviz.serve.processes import KILLED, Begun
from bnviz.serve.worker import Worker

UNLIMITED = 4_000_000_000
"""Bytes that a machine which knows no limit is taken to have."""
LOOK_SECONDS = 1.0
"""How often it is asked which machines there are."""
UNHEARD = 10
"""Looks without an answer after which the cluster is gone."""
ANSWER_SECONDS = 30.0
"""After which whoever has not answered is lost."""


class Cluster:
    """A client of a cluster, and which of its machines has how many runs. Errors: OSError where none answers."""

    def __init__(self, address: str) -> None:
        from distributed import Client  # noqa: PLC0415  an extra

        self.client: Any = Client(address, timeout=10, set_as_default=False, direct_to_workers=True)
        self._lock = threading.Lock()
        self._runs: dict[Remote, str] = {}
        self._closed = threading.Event()
        self.client.run(be_ready)
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def threads(self) -> dict[str, int]:
        """How many each machine has for work, by address."""
        return dict(self.client.nthreads())

    @property
    def memory(self) -> int:
        """Bytes that all machines may use together."""
        told = self.client.scheduler_info(n_workers=-1)["workers"]
        return sum(int(each["memory_limit"] or UNLIMITED) for each in told.values())

    def worker(self) -> Worker:
        """A worker on the machine that has fewest runs for its threads."""
        return Worker(begin=partial(Remote.begin, self))

    def close(self) -> None:
        """Leave the cluster; what runs there for this server ends."""
        self._closed.set()
        self.client.close()

    def choose(self, remote: Remote) -> str:
        """The machine for a run. Errors: OSError where there is none."""
        threads = self.threads
        if not threads:
            raise OSError("the cluster has no workers")
        with self._lock:
            taken = Counter(self._runs.values())
            address = min(threads, key=lambda each: ((taken[each] + 1) / threads[each], each))
            self._runs[remote] = address
        return address

    def leave(self, remote: Remote) -> None:
        """A run has ended."""
        with self._lock:
            self._runs.pop(remote, None)

    def _watch(self) -> None:
        """Thread: end the runs whose machine is gone; they would wait for its answer."""
        unheard = 0
        while not self._closed.wait(LOOK_SECONDS):
            try:
                there, unheard = set(self.threads), 0
            except Exception:  # noqa: BLE001  whatever Dask raises while its scheduler is busy, or gone
                there, unheard = set(), unheard + 1
            if 0 < unheard < UNHEARD:
                continue
            with self._lock:
                lost = [(remote, address) for remote, address in self._runs.items() if address not in there]
            for remote, address in lost:
                remote.lose(address)


class Remote:
    """A process on another machine, as its parent sees one: pipes, an end, and no process id here."""

    def __init__(self, cluster: Cluster, errors: IO[bytes], stdin: int, stdout: socket.socket) -> None:
        self.where = ""
        """The machine's address, once one is chosen."""
        self.spent = nan
        """Seconds of processor time, as it was told last."""
        self._cluster, self._errors = cluster, errors
        self._stdin, self._stdout = stdin, stdout
        self._actor: Any = None
        self._status: int | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @classmethod
    def begin(cls, cluster: Cluster, errors: IO[bytes]) -> Begun:
        """A way to begin a `Child`. It returns at once; the machine is chosen meanwhile."""
        stdin, to_it = os.pipe()
        from_it, stdout = socket.socketpair()  # one end of which can be shut from another thread than writes to it
        remote = cls(cluster, errors, stdin, stdout)
        threading.Thread(target=remote._live, daemon=True).start()
        return remote, open(to_it, "wb"), open(from_it.detach(), "rb")

    @property
    def pid(self) -> int:
        """None that means anything here. Errors: ProcessLookupError, always."""
        raise ProcessLookupError("This worker is a process of another machine.")

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Errors: TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("a worker of the cluster", timeout or 0.0)
        assert self._status is not None
        return self._status

    def kill(self) -> None:
        """End it at once."""
        actor = self._actor
        self._end(-KILLED)
        if actor is not None:
            actor.kill()

    def lose(self, address: str) -> None:
        """Its machine is gone."""
        self._end(1, f"the cluster's worker {address}, which trained it, was lost")

    def _live(self) -> None:
        """Thread: bring the process about, and carry what it says until it ends."""
        words = ""
        try:
            self.where = self._cluster.choose(self)
            made = self._cluster.client.submit(
                Place, actor=True, workers=[self.where], allow_other_workers=False, pure=False
            )
            with self._cluster.client.as_current():  # an actor asks by way of the client that is there as it arrives
                self._actor = actor = made.result(timeout=ANSWER_SECONDS)
            threading.Thread(target=self._say, args=(actor,), daemon=True).start()
            while self._status is None:
                data, self.spent = actor.read().result(timeout=ANSWER_SECONDS)
                if data is None:
                    break
                self._stdout.sendall(data)
            if self._status is None:
                words = actor.last_words().result(timeout=ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001  of Dask, of the network, of a machine that is gone
            machine = f"the cluster's worker {self.where}" if self.where else "a worker of the cluster"
            words = f"{machine} was lost ({error or type(error).__name__})"
        self._end(1, words)
        self._stdout.close()

    def _say(self, actor: Any) -> None:
        """Thread: carry what is said to it, in order."""
        try:
            with open(self._stdin, "rb", buffering=0) as source:
                while data := source.read(65536):
                    actor.write(data).result(timeout=ANSWER_SECONDS)
        except Exception:  # noqa: BLE001  as above; whoever reads it sees the end
            return

    def _end(self, status: int, words: str = "") -> None:
        with self._lock:
            if self._status is not None:
                return
            if words:
                self._errors.write(words.encode())
            self._status = status
        self._cluster.leave(self)
        with suppress(OSError):  # whoever reads has left
            self._stdout.shutdown(socket.SHUT_RDWR)
        self._actor = None
        self._ended.set()
