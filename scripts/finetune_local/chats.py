"""Reads what foray curate wrote: chats, clusters, transitions."""

import hashlib
import json
import pathlib

import numpy as np
import pyarrow.parquet as pq

MARK = "New cluster:"


def version(output, table):
    """The folder of a table's published version."""
    folder = pathlib.Path(output) / table
    try:
        return folder / (folder / "CURRENT").read_text().strip()
    except FileNotFoundError:
        raise SystemExit(f"{folder}/CURRENT: not there; run foray curate --output {output} first")


def read_chats(output, table):
    """The chats of training/ or validation/: lists of messages."""
    chats = []
    for part in sorted(version(output, table).glob("part-*.jsonl")):
        for n, line in enumerate(part.open(encoding="utf-8"), 1):
            try:
                chat = json.loads(line)
                if "contents" in chat:
                    raise SystemExit(f"{part}: in another format: run foray curate --chat_format openai")
                messages = chat["messages"]
                assert messages[-1]["role"] == "assistant" and len(messages) > 1
            except (ValueError, KeyError, AssertionError):
                raise SystemExit(f"{part}:{n}: not a chat that ends in an answer")
            chats.append(messages)
    return chats


def digest(*tables):
    """Identifies chats, in their order."""
    return hashlib.sha256(json.dumps(tables).encode()).hexdigest()[:16]


class Vocabulary:
    """The descriptions of the leaf clusters."""

    def __init__(self, output):
        rows = pq.read_table(version(output, "clusters"), partitioning=None).to_pylist()
        leaf = max(r["level"] for r in rows)
        leaves = sorted((r for r in rows if r["level"] == leaf), key=lambda r: r["cluster_id"])
        self.ids = [r["cluster_id"] for r in leaves]
        self.descriptions = [r["description"] for r in leaves]
        self.traffic = np.array([r["traffic"] for r in leaves])
        self.centroids = np.array([r["centroid"] for r in leaves])
        self.rank = {d: i for i, d in enumerate(self.descriptions)}
        self.by_words = {plain(d): i for i, d in enumerate(self.descriptions)}

    def __len__(self):
        return len(self.descriptions)

    @property
    def hash(self):
        """Identifies the vocabulary: what is learnt of one is wrong of another."""
        return hashlib.sha256("\n".join(self.descriptions).encode()).hexdigest()[:16]

    def match(self, answer):
        """The rank of the cluster that an answer names, -1 if none: word for
        word, but for case, spaces and punctuation."""
        return self.by_words.get(plain(answer).removeprefix(plain(MARK)).strip(), -1)


def plain(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def written(messages):
    """A chat as text up to its answer, and the answer."""
    *asked, answer = messages
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in asked)
    return text + "<|im_start|>assistant\n", answer["content"] + "<|im_end|>"


class Batch:
    """Chats as tokens, all of one width."""

    def __init__(self, tokens, chats, width=None, answer=None):
        pairs = [tuple(tokens.encode(t) for t in written(c)) for c in chats]
        self.asked = np.array([len(q) for q, _ in pairs])
        self.lengths = np.array([len(q) + len(a) for q, a in pairs])
        self.width = width or int(-(-self.lengths.max() // 8) * 8)
        self.answer = answer or int((self.lengths - self.asked).max())
        self.tokens = np.full((len(pairs), self.width), tokens.end)
        for row, (q, a) in zip(self.tokens, pairs):
            row[: len(q) + len(a)] = q + a

    def at(self, rows):
        """The positions before each token of the answers [B, A], and which of
        them are of an answer."""
        steps = np.arange(self.answer)
        at = self.asked[rows, None] - 1 + steps
        return np.minimum(at, self.width - 2), steps < (self.lengths - self.asked)[rows, None]
