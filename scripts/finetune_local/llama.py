"""Llama's network, for training a few numbers beside it (LoRA) or all of it.

Shapes: B chats, T tokens, S tokens that are looked at, L layers. Weights are
as in GGUF, in whose order of rows rotary pairs stand side by side; so nothing
is permuted on the way in or out.
"""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Shape:
    """The sizes of a network, by GGUF's names in `llama.*`."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    inner: int
    tokens: int
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head(self):
        return self.width // self.heads

    def linears(self):
        """The linear maps of a layer: name → (in, out)."""
        kv = self.kv_heads * self.head
        return {
            "attn_q": (self.width, self.width), "attn_k": (self.width, kv), "attn_v": (self.width, kv),
            "attn_output": (self.width, self.width), "ffn_gate": (self.width, self.inner),
            "ffn_up": (self.width, self.inner), "ffn_down": (self.inner, self.width),
        }


def scratch(shape, seed):
    """Random weights, to train all of a small network."""
    key = jax.random.PRNGKey(seed)
    weights = {"token_embd": 0.02 * jax.random.normal(key, (shape.tokens, shape.width)), "output_norm": jnp.ones(shape.width)}
    layers = {"attn_norm": jnp.ones((shape.layers, shape.width)), "ffn_norm": jnp.ones((shape.layers, shape.width))}
    for i, (name, (n, m)) in enumerate(shape.linears().items()):
        layers[name] = jax.random.normal(jax.random.fold_in(key, i), (shape.layers, n, m)) * n**-0.5
    return weights | {"layers": layers}


def adapter(shape, rank, seed):
    """LoRA (arXiv 2106.09685) for all linear maps: a random A, and B = 0."""
    key = jax.random.PRNGKey(seed)
    return {
        name: {"a": jax.random.normal(jax.random.fold_in(key, i), (shape.layers, n, rank)) * n**-0.5,
               "b": jnp.zeros((shape.layers, rank, m))}
        for i, (name, (n, m)) in enumerate(shape.linears().items())
    }


def merge(weights, lora, scale):
    """The weights with an adapter's added to them."""
    layers = dict(weights["layers"])
    for name, ab in lora.items():
        layers[name] = layers[name] + scale * jnp.einsum("lnr,lrm->lnm", ab["a"], ab["b"])
    return weights | {"layers": layers}


def norm(x, weight, epsilon):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + epsilon) * weight


def rotate(x, positions, base):
    """Rotary embedding of x[B, T, heads, head], of pairs side by side."""
    half = x.shape[-1] // 2
    angles = positions[..., None] * base ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles)[:, :, None, :], jnp.sin(angles)[:, :, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(shape, weights, lora, scale, tokens, positions, mask, cache=None, slot=0):
    """Hidden states [B, T, width] of tokens[B, T], and the cache.

    mask[B, T, S] tells which of the S keys a token sees; without a cache those
    are the T tokens themselves. A cache holds [L, B, S, kv heads, head] of keys
    and of values; the tokens' own are written from slot on.
    """
    batch, length = tokens.shape
    h = weights["token_embd"][tokens]
    bias = jnp.where(mask, 0.0, -1e30)[:, None, None]  # over kv heads, and heads of each

    def layer(h, xs):
        w, ab, kept = xs

        def linear(x, name):
            y = x @ w[name]
            return y + scale * ((x @ ab[name]["a"]) @ ab[name]["b"]) if ab is not None else y

        def heads(x, n):
            return x.reshape(batch, length, n, shape.head)

        x = norm(h, w["attn_norm"], shape.epsilon)
        q = rotate(heads(linear(x, "attn_q"), shape.heads), positions, shape.rope_base)
        k = rotate(heads(linear(x, "attn_k"), shape.kv_heads), positions, shape.rope_base)
        v = heads(linear(x, "attn_v"), shape.kv_heads)
        if kept is not None:
            k = jax.lax.dynamic_update_slice_in_dim(kept[0], k, slot, 1)
            v = jax.lax.dynamic_update_slice_in_dim(kept[1], v, slot, 1)
        q = q.reshape(batch, length, shape.kv_heads, shape.heads // shape.kv_heads, shape.head)
        scores = jnp.einsum("btkgd,bskd->bkgts", q, k) * shape.head**-0.5 + bias
        seen = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores, -1), v)
        h = h + linear(seen.reshape(batch, length, shape.width), "attn_output")
        x = norm(h, w["ffn_norm"], shape.epsilon)
        h = h + linear(jax.nn.silu(linear(x, "ffn_gate")) * linear(x, "ffn_up"), "ffn_down")
        return h, (None if kept is None else (k, v))

    h, cache = jax.lax.scan(layer, h, (weights["layers"], lora, cache))
    return norm(h, weights["output_norm"], shape.epsilon), cache


def losses(shape, weights, lora, scale, tokens, lengths, at):
    """Cross entropy [B, A] of the tokens that follow positions at[B, A]. Chats
    are padded behind their lengths."""
    length = tokens.shape[1]
    order = jnp.arange(length)
    mask = (order[None, :, None] >= order[None, None, :]) & (order[None, None, :] < lengths[:, None, None])
    positions = jnp.broadcast_to(order, tokens.shape)
    h, _ = forward(shape, weights, lora, scale, tokens, positions, mask)
    # Logits of what is judged alone: they are most of the work otherwise.
    h = jnp.take_along_axis(h, at[..., None], 1)
    wanted = jnp.take_along_axis(tokens, at + 1, 1)
    logits = h @ weights["token_embd"].T
    chosen = jnp.take_along_axis(logits, wanted[..., None], 2)[..., 0]
    return jax.nn.logsumexp(logits, -1) - chosen


def greedy(shape, weights, lora, scale, prompts, lengths, most, held=None):
    """The likeliest next tokens [B, most] of prompts[B, T], one after the
    other; the caller looks for the end among them.

    held holds answers to a vocabulary: a Trie, and own[B, K], the clusters
    that each prompt may not be answered with.
    """
    batch, width = prompts.shape
    slots = jnp.arange(width + most)
    cache = tuple(jnp.zeros((shape.layers, batch, width + most, shape.kv_heads, shape.head)) for _ in range(2))
    order = jnp.arange(width)
    mask = (order[None, :, None] >= slots[None, None, :]) & (slots[None, None, :] < lengths[:, None, None])
    h, cache = forward(shape, weights, lora, scale, prompts, jnp.broadcast_to(order, prompts.shape), mask, cache)
    last = jnp.take_along_axis(h, (lengths - 1)[:, None, None], 1)[:, 0]

    def likeliest(h, node):
        logits = h @ weights["token_embd"].T
        if held is None:
            return jnp.argmax(logits, -1), node
        trie, own = held
        tokens = trie.tokens[node]
        allowed = (tokens >= 0) & (trie.only[node][..., None] != own[:, None]).all(-1)
        best = jnp.argmax(jnp.where(allowed, jnp.take_along_axis(logits, tokens, 1), -jnp.inf), -1)[:, None]
        return jnp.take_along_axis(tokens, best, 1)[:, 0], jnp.take_along_axis(trie.next[node], best, 1)[:, 0]

    def step(state, i):
        (token, node), cache = state
        mask = (slots[None, :] < lengths[:, None]) | ((slots >= width) & (slots <= width + i))[None, :]
        h, cache = forward(shape, weights, lora, scale, token[:, None], (lengths + i)[:, None], mask[:, None], cache, width + i)
        return (likeliest(h[:, 0], node), cache), token

    start = likeliest(last, jnp.zeros(batch, int))
    _, said = jax.lax.scan(step, (start, cache), jnp.arange(most))
    return said.T


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Trie:
    """All answers as a tree of tokens: of each node [N, C] the tokens that may
    follow (-1: none), the node behind each, and which answer is the only one
    there (-1: there are several)."""

    tokens: jax.Array
    next: jax.Array
    only: jax.Array

    @staticmethod
    def of(answers, end):
        """answers are lists of tokens, each with end as its last."""
        nodes, below = [{}], [set()]
        for n, answer in enumerate(answers):
            at = 0
            for token in answer:
                below[at].add(n)
                if token not in nodes[at]:
                    nodes[at][token] = len(nodes)
                    nodes.append({})
                    below.append(set())
                at = nodes[at][token]
            nodes[at], below[at] = {end: at}, {n}
        most = max(len(n) for n in nodes)
        pad = lambda rows: jnp.array([list(r) + [-1] * (most - len(r)) for r in rows])
        only = lambda i: next(iter(below[i])) if len(below[i]) == 1 else -1
        return Trie(pad(nodes), pad([n.values() for n in nodes]), pad([[only(i) for i in n.values()] for n in nodes]))
