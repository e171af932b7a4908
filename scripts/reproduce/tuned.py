"""What the 135 M model plans for all held-out keys, before and after it was
fine-tuned, free and held to the vocabulary. Copies the checkpoints' figures in
front, so that the file is like those of scratch.py.

  tuned.py --base BASE.gguf --output OUT --from FOLDER --to FILE
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
import weights as files
from chats import Batch, Vocabulary, read_chats
from judge import Judge

p = argparse.ArgumentParser()
p.add_argument("--base", required=True)
p.add_argument("--output", required=True)
p.add_argument("--from", dest="source", required=True)
p.add_argument("--to", required=True)
p.add_argument("--held_out", type=int, default=1000)
o = p.parse_args()
source = pathlib.Path(o.source)
about = json.loads((source / "options.json").read_text())
vocabulary = Vocabulary(o.output)
if about["vocabulary"] != vocabulary.hash:
    raise SystemExit(f"{source} learnt another vocabulary than that of {o.output}")
shape, base, reader = files.read(o.base)
tokens = files.Pieces(reader)
base = jax.tree.map(jnp.asarray, base)
held = read_chats(o.output, "validation")[: o.held_out]
judge = Judge(shape, tokens, Batch(tokens, held), held, vocabulary, about["alpha"] / about["rank"])
before = llama.adapter(shape, about["rank"], about["seed"])
leaves, tree = jax.tree.flatten(before)
with np.load(source / "checkpoint.npz") as saved:
    step = int(saved["step"])
    after = jax.tree.unflatten(tree, [jnp.asarray(saved[f"x{i}"]) for i in range(len(leaves))])
final = {"keys": [list(k) for k in judge.keys], "step": step}
for name, lora, constrained in (("free", after, False), ("constrained", after, True), ("base_constrained", before, True)):
    final[name] = judge.plans(base, lora, constrained)[0].tolist()
    print(name, flush=True)
path = pathlib.Path(o.to)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text((source / "checkpoints.jsonl").read_text() + json.dumps(final) + "\n")
