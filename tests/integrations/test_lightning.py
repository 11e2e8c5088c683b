from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

pl = pytest.importorskip("pytorch_lightning")

from bnviz.integrations.lightning import WatchCallback  # noqa: E402
from bnviz.recording import Recording  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own advice on workers, loggers and devices


class Module(pl.LightningModule):
    def __init__(self, whole, loss_fn):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
        self.whole, self.loss_fn = whole, loss_fn
        self.norms, self.losses = [], []

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, number):
        x, y = batch
        loss = self.loss_fn((self if self.whole else self.net)(x), y)
        self.losses.append(float(loss.detach()))
        return loss

    def on_before_zero_grad(self, optimizer):
        if self.net[0].weight.grad is not None:
            self.norms.append(float(self.net[0].weight.grad.norm()))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


def fit(tmp_path, *, whole=True, loss_fn=None, accumulate=1, watched=True, clip=None):
    torch.manual_seed(0)
    model = Module(whole, loss_fn or nn.CrossEntropyLoss())
    loader = DataLoader(TensorDataset(torch.randn(64, 8), torch.randint(0, 10, (64,))), batch_size=16)
    callback = WatchCallback(None if whole else "net", "loss_fn", every=2, out=tmp_path / "run.arrow")
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accumulate_grad_batches=accumulate, gradient_clip_val=clip,
        default_root_dir=tmp_path, callbacks=[callback] if watched else [],
    )  # fmt: skip
    trainer.fit(model, loader)
    return model, callback


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), F.cross_entropy], ids=["module", "function"])
def test_a_fit_is_watched_with_ics(tmp_path, whole, loss_fn):
    model, callback = fit(tmp_path, whole=whole, loss_fn=loss_fn)
    assert callback.watch.problems == []
    frames = Recording.load(tmp_path / "run.arrow").frames
    assert [frame.step for frame in frames] == [0, 2, 4, 6]
    np.testing.assert_allclose([frame.train_loss for frame in frames], model.losses[::2], rtol=1e-5)
    assert np.isfinite(frames[-1].ics_relative).all()
    assert frames[-1].ics_l2[1] > 0
    assert np.isfinite(frames[-1].running_mean_gap[0])
    assert model.loss_fn is loss_fn
    assert not model._forward_hooks
    assert not model.net._forward_hooks


def test_it_trains_as_it_would_unwatched(tmp_path):
    watched, _ = fit(tmp_path)
    bare, _ = fit(tmp_path, watched=False)
    assert all(map(torch.equal, watched.state_dict().values(), bare.state_dict().values()))


def test_gradients_are_those_after_accumulation_and_clipping(tmp_path):
    """Lightning runs forward and backward inside of optimizer.step()."""
    model, callback = fit(tmp_path, accumulate=2, clip=0.05)
    frames = callback.watch.recording.frames
    assert [frame.step for frame in frames] == [0, 2]
    # Before the second update's zero_grad, the gradients are still those of the first; and so on.
    np.testing.assert_allclose([frame.grad_norm[0] for frame in frames], model.norms[0::2][:2], rtol=1e-4)
