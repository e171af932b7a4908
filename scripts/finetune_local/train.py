"""Fine-tunes a small model on what foray curate wrote; see run.sh."""

import argparse
import json
import os
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import llama
import weights as files
from chats import Batch, Vocabulary, digest, read_chats
from judge import Judge


def options():
    p = argparse.ArgumentParser(prog="run.sh", description="Fine-tunes a small model on training/, and judges it on validation/.")
    p.add_argument("--output", required=True, help="folder of Foray's tables")
    p.add_argument("--to", required=True, help="folder for checkpoints and the model; what is there is gone on with")
    p.add_argument("--base", required=True, help="GGUF file of the model to start from (run.sh gives SmolLM2-135M)")
    p.add_argument("--steps", type=int, default=240)
    p.add_argument("--batch", type=int, default=16, help="chats a step")
    p.add_argument("--rank", type=int, default=16, help="of LoRA")
    p.add_argument("--alpha", type=float, default=32, help="of LoRA: its weight is alpha ÷ rank")
    p.add_argument("--rate", type=float, default=1e-3, help="learning rate: 10 steps of warm-up, linear decay from half-way")
    p.add_argument("--every", type=int, default=40, help="steps between checkpoints")
    p.add_argument("--held_out", type=int, default=200, help="chats of validation/ to judge checkpoints on")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--name", default="tuned", help="of the model")
    return p.parse_args()


def schedule(rate, steps):
    """Warm-up, then constant, then linearly to 0 from half-way on."""
    return lambda i: rate * jnp.minimum(jnp.minimum((i + 1) / 10, 1), jnp.maximum((steps - i) / (steps - steps // 2), 0))


def batches(n, size, seed):
    """Rows for each step, forever: passes over all in an order of their own."""
    rng = np.random.default_rng(seed)
    left = np.empty(0, int)
    while True:
        while len(left) < size:
            left = np.concatenate([left, rng.permutation(n)])
        yield left[:size]
        left = left[size:]


def train(loss, trained, frozen, o, batch, evaluate, checkpoint):
    """Trains a tree of arrays, or goes on from the checkpoint.

    loss(trained, frozen, tokens, lengths, at, wanted) is the mean loss of a batch.
    evaluate(step, trained, seconds, loss) is called at step 0 and every
    o.every, also at the last.
    """
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule(o.rate, o.steps), weight_decay=0.0))
    state, start = adam.init(trained), 0
    if checkpoint and checkpoint.exists():
        with np.load(checkpoint) as saved:
            start = int(saved["step"])
            leaves, tree = jax.tree.flatten((trained, state))
            trained, state = jax.tree.unflatten(tree, [jnp.asarray(saved[f"x{i}"]) for i in range(len(leaves))])

    @jax.jit
    def step(trained, state, frozen, *data):
        value, slope = jax.value_and_grad(loss)(trained, frozen, *data)
        change, state = adam.update(slope, state, trained)
        return optax.apply_updates(trained, change), state, value

    if start == 0:
        evaluate(0, trained, 0.0, float("nan"))
    rows, seen, began = batches(len(batch.tokens), o.batch, o.seed), [], time.time()
    for i in range(1, o.steps + 1):
        r = next(rows)
        if i <= start:
            continue
        trained, state, value = step(trained, state, frozen, batch.tokens[r], batch.lengths[r], *batch.at(r))
        seen.append(float(value))
        if i % o.every == 0 or i == o.steps:
            seconds = (time.time() - began) / len(seen)
            if checkpoint:
                leaves = jax.tree.leaves((trained, state))
                part = checkpoint.with_name("part.npz")
                np.savez(part, step=i, **{f"x{n}": np.asarray(x) for n, x in enumerate(leaves)})
                os.replace(part, checkpoint)
            evaluate(i, trained, seconds, float(np.mean(seen)))
            seen, began = [], time.time()
    return trained


def main():
    o = options()
    to = pathlib.Path(o.to)
    to.mkdir(parents=True, exist_ok=True)
    vocabulary = Vocabulary(o.output)
    chats, held = read_chats(o.output, "training"), read_chats(o.output, "validation")[: o.held_out]
    if len(chats) < o.batch or not held:
        raise SystemExit(f"{len(chats)} examples to train on and {len(held)} to judge by: curate more, or take a smaller --batch")
    # What was learnt goes on only with the same data, options and vocabulary.
    about = {k: v for k, v in vars(o).items() if k not in ("output", "to")}
    about |= {"vocabulary": vocabulary.hash, "examples": len(chats), "data": digest(chats, held)}
    told = to / "options.json"
    differs = told.exists() and [k for k, v in json.loads(told.read_text()).items() if about.get(k) != v]
    if differs:
        raise SystemExit(f"{to} holds checkpoints of another run ({', '.join(differs)} differ): name another folder with --to")

    shape, base, reader = files.read(o.base)
    told.write_text(json.dumps(about, indent=1))
    tokens = files.Pieces(reader)
    base = jax.tree.map(jnp.asarray, base)
    batch, scale = Batch(tokens, chats), o.alpha / o.rank
    judge = Judge(shape, tokens, Batch(tokens, held), held, vocabulary, scale)

    def loss(lora, base, t, lengths, at, wanted):
        loss = llama.losses(shape, base, lora, scale, t, lengths, at)
        return (loss * wanted).sum() / wanted.sum()

    losses = jax.jit(lambda w, lora, t, lengths, at: llama.losses(shape, w, lora, scale, t, lengths, at))
    log = to / "checkpoints.jsonl"
    print(f"{jax.devices()[0].platform}: {len(chats)} examples of {batch.width} tokens, {len(held)} held-out keys, {len(vocabulary)} clusters", flush=True)
    print(f"{'step':>5} {'s/step':>7} {'loss':>6} {'held out':>8} {'1st token':>9} {'match':>6} {'novel':>6} {'clusters':>8} {'entropy':>7} {'Gini':>5}", flush=True)

    def evaluate(step, lora, seconds, loss):
        f, plans, said = judge.figures(base, lora, losses)
        f |= {"step": step, "seconds_a_step": seconds, "loss": None if loss != loss else loss}
        with log.open("a") as out:
            out.write(json.dumps(f | {"plans": plans.tolist()}) + "\n")
        print(f"{step:5d} {seconds:7.2f} {loss:6.3f} {f['answer_loss']:8.3f} {f['first_token_loss']:9.3f} {f['match']:6.3f} {f['novel']:6.3f} {f['distinct']:8d} {f['entropy']:7.2f} {f['gini']:5.2f}   {said[0][:60]!r}", flush=True)

    lora = train(loss, llama.adapter(shape, o.rank, o.seed), base, o, batch, evaluate, to / "checkpoint.npz")
    path = to / f"{o.name}.gguf"
    part = to / "part.gguf"
    files.write(part, reader, jax.tree.map(np.asarray, llama.merge(base, lora, scale)), o.name)
    os.replace(part, path)
    print(path)


if __name__ == "__main__":
    main()
