"""Trains a small network from scratch on training/, and judges it: it learns
nothing but what curation shows it, in two minutes, so several seeds can be
afforded. Writes a JSON line a checkpoint.

  scratch.py --output OUT --to FILE --seed N [--steps N]
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "finetune_local"))

import jax
import jax.numpy as jnp
import numpy as np

import llama
from chats import Batch, Vocabulary, read_chats, written
from judge import Judge
from train import train
from weights import Words

p = argparse.ArgumentParser()
p.add_argument("--output", required=True)
p.add_argument("--to", required=True)
p.add_argument("--seed", type=int, required=True)
p.add_argument("--steps", type=int, default=400)
p.add_argument("--held_out", type=int, default=200)
o = p.parse_args()
o.batch, o.every, o.rate = 16, 100, 2e-3

vocabulary = Vocabulary(o.output)
chats, held = read_chats(o.output, "training"), read_chats(o.output, "validation")
tokens = Words(["".join(written(c)) for c in chats] + [c for d in vocabulary.descriptions for c in (f"New cluster: {d}",)])
shape = llama.Shape(layers=3, width=192, heads=3, kv_heads=3, inner=512, tokens=tokens.size)
batch = Batch(tokens, chats)
few = held[: o.held_out]
judge = Judge(shape, tokens, Batch(tokens, few), few, vocabulary, 0.0)
losses = jax.jit(lambda w, _, t, lengths, at: llama.losses(shape, w, None, 0.0, t, lengths, at))
order = jnp.arange(batch.width - 1)


def loss(w, _, t, lengths, at, wanted):
    """Of answers, and at half weight of prompts, which teach the words."""
    every = llama.losses(shape, w, None, 0.0, t, lengths, jnp.broadcast_to(order, (len(t), batch.width - 1)))
    start = at[:, :1]
    weight = jnp.where(order >= start, 1.0, 0.5) * (order < lengths[:, None] - 1)
    return (every * weight).sum() / weight.sum()


results = []


def evaluate(step, w, seconds, mean):
    f, plans, _ = judge.figures(w, None, losses)
    results.append(f | {"step": step, "seconds_a_step": seconds, "plans": plans.tolist()})
    print(o.to, step, f, flush=True)


weights = train(loss, llama.scratch(shape, o.seed), None, o, batch, evaluate, None)
# What it plans for all held-out keys, free and constrained, for recall.
everything = Judge(shape, tokens, Batch(tokens, held), held, vocabulary, 0.0)
final = {"keys": [list(k) for k in everything.keys]}
for name, constrained in (("free", False), ("constrained", True)):
    final[name] = everything.plans(weights, None, constrained)[0].tolist()
path = pathlib.Path(o.to)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text("".join(json.dumps(r) + "\n" for r in [*results, final]))
