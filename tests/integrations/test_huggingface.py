from __future__ import annotations

import os

import numpy as np
import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from bnviz.integrations.huggingface import WatchCallback  # noqa: E402
from bnviz.recording import Recording  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own, on what they will change


def train(tmp_path, watched=True, accumulate=1):
    transformers.set_seed(0)
    config = transformers.BertConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, num_labels=3,
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config)
    rows = [{"input_ids": torch.randint(0, 32, (8,)), "labels": torch.tensor(i % 3)} for i in range(32)]
    callback = WatchCallback(every=2, out=tmp_path / "run.arrow")
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=4, per_device_train_batch_size=8, report_to=[], use_cpu=True,
        save_strategy="no", disable_tqdm=True, gradient_accumulation_steps=accumulate, logging_steps=1,
    )  # fmt: skip
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, callbacks=[callback] if watched else [])
    trainer.train()
    return model, callback, [each["loss"] for each in trainer.state.log_history if "loss" in each]


def test_a_training_is_watched_with_ics(tmp_path):
    model, callback, losses = train(tmp_path)
    assert all("left out" in each for each in callback.watch.problems), callback.watch.problems
    frames = Recording.load(tmp_path / "run.arrow").frames
    assert [frame.step for frame in frames] == [0, 2]
    np.testing.assert_allclose([frame.train_loss for frame in frames], losses[::2], atol=2e-4)
    last = frames[-1]
    assert last.layers[0] == "bert.embeddings.word_embeddings"
    assert last.layers[-1] == "classifier"
    assert np.isfinite(last.ics_relative).all()
    assert (last.ics_l2[1:] > 0).any()
    # All but the embeddings, which numbers of tokens enter, have a spread.
    assert np.isfinite(last.input_std[3:]).all()
    assert not model._forward_hooks


def test_it_trains_as_it_would_unwatched(tmp_path):
    watched, _, _ = train(tmp_path, accumulate=2)
    bare, _, _ = train(tmp_path, watched=False, accumulate=2)
    assert all(map(torch.equal, watched.state_dict().values(), bare.state_dict().values()))
