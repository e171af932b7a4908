"""Checks of the network and the training, on a tiny one: run.sh check."""

import pathlib
import tempfile
import types

import jax
import jax.numpy as jnp
import numpy as np

import llama
from chats import Batch
from train import train
from weights import Words

shape = llama.Shape(layers=2, width=32, heads=4, kv_heads=2, inner=64, tokens=40)
weights = llama.scratch(shape, 1)
lora = llama.adapter(shape, 4, 2)
lora = {k: {"a": v["a"], "b": 0.1 * jax.random.normal(jax.random.PRNGKey(3), v["b"].shape)} for k, v in lora.items()}
rng = np.random.default_rng(4)
lengths = np.array([5, 8, 3])
prompts = rng.integers(0, shape.tokens, (3, 8))


order = jnp.arange(16)


@jax.jit
def likeliest(weights, lora, padded):
    """The likeliest token behind each of a text's; what follows is not seen."""
    h, _ = llama.forward(shape, weights, lora, 0.5, padded[None], order[None], (order[:, None] >= order[None, :])[None])
    return jnp.argmax(h[0] @ weights["token_embd"].T, -1)


def naive(weights, lora, prompt, most):
    """The likeliest next tokens, each from the whole text anew."""
    text = list(prompt)
    for _ in range(most):
        padded = np.pad(text, (0, len(order) - len(text)))
        text.append(int(likeliest(weights, lora, padded)[len(text) - 1]))
    return text[len(prompt):]


def greedy_is_naive():
    said = llama.greedy(shape, weights, lora, 0.5, prompts, lengths, 6)
    for row, prompt, n in zip(np.asarray(said), prompts, lengths):
        assert list(row) == naive(weights, lora, prompt[:n], 6)


def merged_is_beside():
    merged = llama.merge(weights, lora, 0.5)
    for prompt, n in zip(prompts, lengths):
        assert naive(merged, None, prompt[:n], 6) == naive(weights, lora, prompt[:n], 6)


def held_answers_are_of_the_vocabulary():
    answers = [[1, 2, 3, 0], [1, 2, 4, 0], [1, 5, 0], [6, 0], [6, 7, 8, 9, 0]]
    trie = llama.Trie.of(answers, 0)
    held = jax.jit(lambda p, n, h: llama.greedy(shape, weights, lora, 0.5, p, n, 5, h))
    for own in ([0, 3], [1, 2], [4, 0]):
        said = np.asarray(held(prompts, lengths, (trie, np.array([own] * 3))))
        for row in said:
            row = list(row[: list(row).index(0) + 1])
            assert row in answers and answers.index(row) not in own, row


def going_on_is_going_through():
    chats = [[{"role": "user", "content": f"1: a{i % 5}"}, {"role": "assistant", "content": f"New cluster: b{i % 3}"}] for i in range(20)]
    tokens = Words([m["content"] for c in chats for m in c] + ["<|im_start|>user\n<|im_start|>assistant"])
    tiny = llama.Shape(layers=1, width=32, heads=4, kv_heads=2, inner=64, tokens=tokens.size)
    batch = Batch(tokens, chats)
    o = types.SimpleNamespace(rate=1e-2, steps=6, batch=4, every=3, seed=1)

    def loss(w, _, t, n, at, wanted):
        x = llama.losses(tiny, w, None, 0.0, t, n, at)
        return (x * wanted).sum() / wanted.sum()

    def run(checkpoint, stop=None):
        seen = []

        def evaluate(step, *_):
            seen.append(step)
            if step == stop:
                raise KeyboardInterrupt

        try:
            return train(loss, llama.scratch(tiny, 1), None, o, batch, evaluate, checkpoint), seen
        except KeyboardInterrupt:
            return None, seen

    through, _ = run(None)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "checkpoint.npz"
        assert run(path, stop=3)[1] == [0, 3]
        on, seen = run(path)
        assert seen == [6]
    for a, b in zip(jax.tree.leaves(through), jax.tree.leaves(on)):
        assert np.allclose(a, b, atol=1e-6)


checks = [greedy_is_naive, merged_is_beside, held_answers_are_of_the_vocabulary, going_on_is_going_through]
for check in checks:
    check()
    print("ok", check.__name__)
