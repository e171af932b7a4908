"""What a fine-tuned model says of keys that it was not trained on."""

import jax
import numpy as np

import llama
from chats import MARK


def spread(counts):
    """How evenly plans stand over all clusters, also those never planned."""
    x = np.sort(np.asarray(counts, float))
    n, total = len(x), x.sum()
    if total == 0:
        return {"distinct": 0, "entropy": 0.0, "gini": 0.0, "top_decile": 0.0}
    p = x[x > 0] / total
    return {
        "distinct": int((x > 0).sum()),
        "entropy": float(-(p * np.log2(p)).sum()),
        "gini": float(((2 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * total)),
        "top_decile": float(x[-max(1, n // 10):].sum() / total),
    }


class Judge:
    """Asks a network about held-out chats: greedily, and how likely it holds
    their answers."""

    def __init__(self, shape, tokens, batch, chats, vocabulary, scale, chunk=50):
        self.batch, self.chats, self.vocabulary, self.tokens, self.chunk = batch, chats, vocabulary, tokens, chunk
        self.keys = [key_of(c, vocabulary) for c in chats]
        width = int(-(-batch.asked.max() // 8) * 8)
        self.prompts = np.full((len(chats), width), tokens.end)
        for row, whole, n in zip(self.prompts, batch.tokens, batch.asked):
            row[:n] = whole[:n]
        answers = [tokens.encode(f"{MARK} {d}<|im_end|>") for d in vocabulary.descriptions]
        most = max(len(a) for a in answers)
        self.trie = llama.Trie.of(answers, tokens.end)
        self.greedy = jax.jit(lambda w, ab, p, n, held: llama.greedy(shape, w, ab, scale, p, n, most, held))

    def answers(self, weights, lora, constrained=False):
        """The answers, as text; constrained to the vocabulary without the key."""
        said = []
        for rows in self.chunks():
            held = (self.trie, np.array([self.keys[i] for i in rows])) if constrained else None
            for ids in np.asarray(self.greedy(weights, lora, self.prompts[rows], self.batch.asked[rows], held)):
                end = np.flatnonzero(ids == self.tokens.end)
                said.append(self.tokens.decode(ids[: end[0]] if len(end) else ids))
        return said

    def plans(self, weights, lora, constrained=False):
        """The ranks of the clusters that the answers name (-1: none), and the
        answers."""
        said = self.answers(weights, lora, constrained)
        return np.array([self.vocabulary.match(s) for s in said]), said

    def chunks(self):
        """Rows in chunks of one size, so that there is one program for all."""
        rows = np.arange(len(self.chats))
        return np.array_split(rows, -(-len(rows) // self.chunk)) if len(rows) else []

    def figures(self, weights, lora, losses):
        """Figures of a checkpoint, the answers as ranks of clusters (-1: none),
        and as text."""
        first, all_tokens, n, chats = 0.0, 0.0, 0, 0
        for rows in self.chunks()[:2]:  # means settle sooner than counts
            at, wanted = self.batch.at(rows)
            loss = np.asarray(losses(weights, lora, self.batch.tokens[rows], self.batch.lengths[rows], at))
            lead = len(self.tokens.encode(MARK))  # the mark is the same for all
            first += loss[:, lead].sum()
            all_tokens += (loss * wanted).sum()
            n += wanted.sum()
            chats += len(rows)
        plans, said = self.plans(weights, lora)
        novel = np.array([p >= 0 and p not in key for p, key in zip(plans, self.keys)])
        counts = np.bincount(plans[plans >= 0], minlength=len(self.vocabulary))
        return {
            "match": float((plans >= 0).mean()), "novel": float(novel.mean()), **spread(counts),
            "first_token_loss": float(first / chats), "answer_loss": float(all_tokens / n),
        }, plans, said


def key_of(chat, vocabulary):
    """The ranks of the clusters that a prompt shows, in their order."""
    lines = chat[-2]["content"].split("\n")
    found = []
    for line in lines:
        text = line.split(": ", 1)[-1]
        if line[:1].isdigit() or line.startswith("Cluster "):
            if text not in vocabulary.rank:
                raise SystemExit(f"{text!r} is no description of this vocabulary: curate again for the clusters that are published")
            found.append(vocabulary.rank[text])
    return tuple(found)
