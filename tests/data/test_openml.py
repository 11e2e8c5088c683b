"""Downloads from openml.org, against a server on this machine; nothing reaches outside."""

import gzip
import hashlib
import http.server
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bnviz.config import CATALOG
from bnviz.data import DataUnavailable, load, openml

DOWNLOADED = [name for name, data in CATALOG.items() if data.openml]
ADDRESSES = ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES")


@dataclass
class Site:
    """A small openml.org with one set of 70 images in it, training part first."""

    shape: tuple[int, ...]
    url: str = ""
    delay: float = 0.0
    quote: str = ""
    requests: list[str] = field(default_factory=list)
    damage: Callable[[bytes], bytes] = bytes

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (70, *self.shape)).astype(np.uint8)
        self.labels = np.arange(70) % 10

    def arff(self) -> bytes:
        pixels = self.images.reshape(70, -1)
        names = [f"@ATTRIBUTE pixel{i} real" for i in range(pixels.shape[1])]
        rows = [
            ",".join(map(str, [*row, f"{self.quote}{label}{self.quote}"]))
            for row, label in zip(pixels, self.labels, strict=True)
        ]
        classes = "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}"
        return "\n".join(["@RELATION set", *names, classes, "@DATA", *rows]).encode()

    def answer(self, path: str) -> bytes:
        """What openml.org sends for this path (https://www.openml.org/apis)."""
        if "/json/data/list/" in path:
            return json.dumps({"data": {"dataset": [{"did": 7, "name": "set", "version": 1}]}}).encode()
        if "/json/data/features/" in path:
            count = math.prod(self.shape)
            kinds = [(f"pixel{i}", "numeric", "false") for i in range(count)] + [("class", "nominal", "true")]
            rest = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
            found = [{"name": n, "data_type": kind, "is_target": target, **rest} for n, kind, target in kinds]
            return json.dumps({"data_features": {"feature": found}}).encode()
        if "/json/data/qualities/" in path:
            return b'{"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "70.0"}]}}'
        if "/json/data/" in path:
            about = {
                "name": "set", "version": "1", "description": "", "format": "ARFF", "status": "active",
                "md5_checksum": hashlib.md5(self.arff()).hexdigest(),
                "url": f"{self.url}/data/v1/download/7/mnist_784.arff",
            }  # fmt: skip
            return json.dumps({"data_set_description": about}).encode()
        return self.damage(self.arff())


@pytest.fixture
def open_site(monkeypatch, tmp_path) -> Iterator[Callable[..., Site]]:
    """Starts a site that scikit-learn and bnviz take for openml.org, with sets of 50 + 20 images."""
    servers = []

    def start(name: str = "mnist", **settings: object) -> Site:
        site = Site(CATALOG[name].shape, **settings)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                body = gzip.compress(site.answer(self.path))
                self.send_response(200)
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:-1000])
                time.sleep(site.delay if self.path.startswith("/data") else 0)
                self.wfile.write(body[-1000:])

            def log_message(self, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        redirect(monkeypatch, site.url)
        return site

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in DOWNLOADED:
        monkeypatch.setitem(CATALOG, name, replace(CATALOG[name], samples=50))
    monkeypatch.setattr("bnviz.data.MAX_TEST", 15)
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def redirect(monkeypatch, url: str) -> None:
    from sklearn.datasets import _openml

    for name in ADDRESSES:
        original = getattr(_openml, name).replace("https://www.openml.org", "")
        monkeypatch.setattr(_openml, name, url + original[original.index("/api") :])


class Heard(list):
    """A progress that remembers."""

    def __call__(self, sentence: str, share: float) -> None:
        self.append((sentence, share, threading.current_thread()))


@pytest.mark.parametrize("name", DOWNLOADED)
def test_download_end_to_end(open_site, name):
    site = open_site(name, quote="'" if name == "cifar10" else "")
    data, n = load(name), math.prod(CATALOG[name].shape)
    mean, std = site.images[:50].mean(), site.images[:50].std()
    assert data.x_train.shape == (50, *CATALOG[name].shape)
    np.testing.assert_allclose(data.x_train.numpy(), (site.images[:50] - mean) / std, atol=1e-5)
    assert data.y_train.tolist() == site.labels[:50].tolist()
    assert data.x_test.shape == (15, *CATALOG[name].shape)
    originals = ((site.images[50:] - mean) / std).reshape(20, n)
    rows = [int(np.abs(originals - x).sum(axis=1).argmin()) for x in data.x_test.numpy().reshape(15, n)]
    assert len(set(rows)) == 15
    np.testing.assert_allclose(data.x_test.numpy().reshape(15, n), originals[rows], atol=1e-5)
    assert data.y_test.tolist() == site.labels[50:][rows].tolist()
    wanted = CATALOG[name].openml.name.lower()
    assert site.requests[0].endswith(f"/data_name/{wanted}/limit/2/data_version/1")


def test_second_time_needs_no_network(open_site, tmp_path):
    site = open_site()
    first, asked, heard = load("mnist"), len(site.requests), Heard()
    second = load("mnist", progress=heard)
    assert len(site.requests) == asked
    assert (first.x_train == second.x_train).all()
    assert (first.x_test == second.x_test).all()
    assert [(sentence, share) for sentence, share, _ in heard] == [("MNIST is on this machine.", 1.0)]
    assert [file.name for file in (tmp_path / "bnviz").iterdir()] == ["mnist.npz"]


def test_progress_moves_in_the_callers_thread(open_site):
    open_site(delay=1.3)
    heard = Heard()
    load("mnist", progress=heard)
    sentences = [sentence for sentence, *_ in heard]
    assert sentences[0] == "Downloading MNIST (about 15 MB) from openml.org ..."
    assert sentences[-1] == "MNIST is on this machine."
    assert heard[-1][1] == 1.0
    assert len(sentences) >= 4
    assert any(sentence.endswith(", 1 s") or ", 1 s " in sentence for sentence in sentences)
    assert {thread for *_, thread in heard} == {threading.current_thread()}


def test_share_is_read_from_the_growing_file(tmp_path):
    source, started = CATALOG["mnist"].openml, time.time() - 5
    assert openml._how_far("MNIST", source, tmp_path, started) == (
        "Still waiting for MNIST from openml.org, 5 s ...",
        pytest.approx(math.nan, nan_ok=True),
    )
    part = tmp_path / "openml/openml.org/data/1/tmpabc/mnist_784.arff.gz"
    part.parent.mkdir(parents=True)
    shares = []
    for size in (1_500_000, 3_000_000, 30_000_000):
        part.write_bytes(bytes(size))
        sentence, share = openml._how_far("MNIST", source, tmp_path, started)
        shares.append(share)
    assert shares == [0.1, 0.2, 0.99]
    assert sentence == "Downloading MNIST from openml.org: 30 of about 15 MB, 5 s"
    os.utime(part, (started - 60, started - 60))
    assert openml._how_far("MNIST", source, tmp_path, started)[0].startswith("Still waiting")  # cut short before
    part.rename(part.parent.parent / part.name)
    assert openml._how_far("MNIST", source, tmp_path, started)[0] == "Unpacking MNIST, 5 s ..."


def test_what_progress_raises_ends_the_loading(open_site):
    open_site(delay=3)

    def stop(sentence: str, share: float) -> None:
        raise KeyboardInterrupt

    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        load("mnist", progress=stop)
    assert time.perf_counter() - began < 2


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("name", DOWNLOADED)
def test_offline_is_one_clear_sentence_at_once(open_site, monkeypatch, name):
    redirect(monkeypatch, f"http://127.0.0.1:{closed_port()}")
    began, heard = time.perf_counter(), Heard()
    with pytest.raises(DataUnavailable) as caught:
        load(name, progress=heard)
    assert time.perf_counter() - began < 5
    title = CATALOG[name].title
    assert str(caught.value) == (
        f"{title} is downloaded from openml.org on first use, and this machine could not reach it "
        f"(Connection refused); the data set digits needs no download and can be used instead."
    )
    assert heard[0][0].startswith(f"Downloading {title} (about ")


def test_silent_server_is_given_up(open_site, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        redirect(monkeypatch, f"http://127.0.0.1:{deaf.getsockname()[1]}")
        monkeypatch.setattr(openml, "TIMEOUT", 0.3)
        began = time.perf_counter()
        with pytest.raises(DataUnavailable, match=r"could not reach it \(timed out\)"):
            load("mnist")
        assert time.perf_counter() - began < 3
    assert socket.getdefaulttimeout() is None


def test_damaged_download_is_not_kept(open_site):
    site = open_site(damage=lambda body: body[: len(body) // 2])
    with pytest.raises(DataUnavailable, match=r"that did not work on this machine .*md5 checksum"):
        load("mnist")
    site.damage = bytes
    assert load("mnist").x_train.shape == (50, 1, 28, 28)


def test_folder_that_cannot_be_written(open_site, monkeypatch, tmp_path):
    open_site()
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(blocked / "below"))
    with pytest.raises(DataUnavailable, match=r"did not work on this machine \(Not a directory\)"):
        load("mnist")
