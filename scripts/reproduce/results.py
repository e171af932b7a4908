"""Writes RESULTS.md and its plots from all runs there are.

  results.py RUNS FOLDER
"""

import collections
import importlib.metadata
import json
import pathlib
import platform
import sys

import matplotlib
import numpy as np
import pyarrow.parquet as pq

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "finetune_local"))
matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "foray", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})

import matplotlib.pyplot as plt

from chats import Vocabulary, read_chats, version
from judge import spread

runs, here = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
WAYS, COLOURS = ("diversified", "random"), {"diversified": "#0a6e5a", "random": "#c05621"}


class World:
    """A data set: its vocabulary, and who went where from held-out keys."""

    def __init__(self, name):
        folder = runs / name
        self.vocabulary = v = Vocabulary(folder / "diversified")
        self.rank = {c: i for i, c in enumerate(v.ids)}
        self.before, self.all = self.transitions(folder / "diversified"), self.transitions(folder / "all")
        self.folder = folder
        self.rare = np.argsort(self.labels("random"), kind="stable")[: len(v) // 4]

    def labels(self, way):
        """How many examples teach each cluster."""
        taught = collections.Counter(c[-1]["content"] for c in read_chats(self.folder / way, "training"))
        return np.array([taught[f"New cluster: {d}"] for d in self.vocabulary.descriptions])

    def transitions(self, output):
        after = collections.defaultdict(collections.Counter)
        for r in pq.read_table(version(output, "transitions"), partitioning=None).to_pylist():
            after[self.rank[r["cluster_1"]], self.rank[r["cluster_2"]]][self.rank[r["next_cluster"]]] += r["users"]
        return after

    def baselines(self, keys):
        """Plans that know nothing of these keys but their clusters, and the
        successor, which knows what users did there before the cut."""
        n, held = len(self.vocabulary), set(keys)
        popular, pairs = np.zeros(n), np.zeros((n, n))
        for key, nexts in self.before.items():
            if key in held:
                continue
            for to, users in nexts.items():
                popular[to] += users
                for c in key:
                    pairs[c, to] += users
        prior = 10 * popular / popular.sum()
        chance = (pairs + prior) / (pairs.sum(1, keepdims=True) + 10)
        unit = self.vocabulary.centroids / np.linalg.norm(self.vocabulary.centroids, axis=1, keepdims=True)

        def best(scores):
            return np.array([int(np.argmax(np.where(np.isin(np.arange(n), key), -np.inf, s))) for key, s in zip(keys, scores)])

        seen = [np.array([self.before[k][i] for i in range(n)]) for k in keys]
        backed = [sum(chance[c] for c in k) / len(k) for k in keys]
        return {
            "popular": best([popular] * len(keys)),
            "nearest": best([sum(unit[c] for c in k) @ unit.T for k in keys]),
            "one-cluster successor": best(backed),
            "successor": best([s + b for s, b in zip(seen, backed)]),
        }

    def went(self, key, later):
        return self.all[key] - self.before[key] if later else self.all[key]

    def hindsight(self, keys, later):
        """Where most of the users went that recall is about: no table's plans
        recall more."""
        return [max(went, key=went.get, default=-1) for went in (self.went(key, later) for key in keys)]

    def recall(self, keys, plans, later):
        """The share of users at the keys who went on to the plan, with its 95 %
        interval over keys. later: of users after the cut alone."""
        hits, users = np.zeros(len(keys)), np.zeros(len(keys))
        for i, (key, plan) in enumerate(zip(keys, plans)):
            went = self.went(key, later)
            users[i], hits[i] = sum(went.values()), went[int(plan)]
        return interval(hits, users)

    def random(self, keys):
        return 1 / (len(self.vocabulary) - len(keys[0]))


def single(world):
    """The share of transitions before the cut that one user made."""
    users = [n for nexts in world.before.values() for n in nexts.values()]
    return sum(n == 1 for n in users) / len(users)


def share(world, way):
    """The share of examples that the rarest quarter of labels has."""
    counts = world.labels(way)
    return counts[world.rare].sum() / counts.sum()


def interval(hits, users):
    rng = np.random.default_rng(1)
    draws = rng.integers(0, len(hits), (1000, len(hits)))
    means = hits[draws].sum(1) / np.maximum(users[draws].sum(1), 1)
    return hits.sum() / max(users.sum(), 1), *np.quantile(means, [0.025, 0.975])


def load():
    """Runs by (network, data, way, seed): checkpoints, and what came last."""
    found = {}
    for path in sorted((runs / "results").glob("*.jsonl")):
        network, rest = path.stem.split("-", 1)
        seed = 1
        if network == "scratch":
            rest, seed = rest.rsplit("-", 1)
        name, way = rest.rsplit("-", 1)
        lines = [json.loads(l) for l in path.read_text().splitlines()]
        found[network, name, way, int(seed)] = lines[:-1], lines[-1]
    return found


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(out + ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]) + "\n"


def curves(found, worlds):
    """(a) match, recall, distinct clusters and first-token loss against steps."""
    rows, groups = [], collections.defaultdict(list)
    for (network, name, way, _), (points, final) in found.items():
        keys = [tuple(k) for k in final["keys"]]
        for p in points:  # a hint tells of users before the cut
            p["recall"] = worlds[name].recall(keys[: len(p["plans"])], p["plans"], way == "hint")[0]
        groups[network, name, way].append({p["step"]: p for p in points})
    for (network, name, way), several in sorted(groups.items()):
        for step in sorted(set.intersection(*(set(s) for s in several))):
            at = [s[step] for s in several]
            mean = lambda key: np.mean([p[key] for p in at])
            rows.append([network, name, way, len(at), step, f"{mean('match'):.3f}", f"{mean('novel'):.3f}", f"{mean('recall'):.3f}", f"{mean('distinct'):.1f}", f"{mean('first_token_loss'):.2f}"])
    return table(["network", "data", "curation", "seeds", "step", "match", "novel", "recall@1", "clusters named", "first-token loss"], rows)


def tails(found, worlds):
    """(b) what is planned after equal steps."""
    rows, said = [], []
    by = collections.defaultdict(dict)
    for (network, name, way, seed), (points, _) in sorted(found.items()):
        last = points[-1]
        plans = np.array(last["plans"])
        counts = np.bincount(plans[plans >= 0], minlength=len(worlds[name].vocabulary))
        s = spread(counts)
        rare = counts[worlds[name].rare].sum() / max(counts.sum(), 1)
        by[network, name, seed][way] = s | {"rare": rare, "counts": counts}
        rows.append([network, name, way, seed, last["step"], f"{last['match']:.3f}", f"{s['distinct']} of {len(worlds[name].vocabulary)}",
                     f"{s['entropy']:.2f}", f"{s['gini']:.2f}", f"{s['top_decile']:.2f}", f"{rare:.3f}"])
    for (network, name, seed), ways in by.items():
        if all(w in ways for w in WAYS):
            d, r = (ways[w] for w in WAYS)
            said.append((network, name, seed, d["gini"] < r["gini"], d["rare"] >= 2 * r["rare"], d, r))
    head = ["network", "data", "curation", "seed", "steps", "match", "clusters named", "entropy, bits", "Gini", "top decile", "share on the rarest quarter"]
    return table(head, rows), said


def taught(names, worlds):
    """(b) how the examples themselves are spread over labels."""
    rows = []
    for name in names:
        world = worlds[name]
        for way in ("diversified", "random", "popular"):
            counts = world.labels(way)
            s = spread(counts)
            rows.append([name, way, counts.sum(), f"{s['distinct']} of {len(counts)}", f"{s['entropy']:.2f}", f"{s['gini']:.2f}", f"{share(world, way):.3f}"])
    return table(["data", "curation", "examples", "labels", "entropy, bits", "Gini", "share of the rarest quarter"], rows)


def plot(said):
    names = sorted({(n, d) for n, d, *_ in said})
    figure, axes = plt.subplots(1, len(names), figsize=(3.6 * len(names), 2.8), squeeze=False)
    for axis, name in zip(axes[0], names):
        for way, i in (("diversified", 5), ("random", 6)):
            tails = [np.sort(s[i]["counts"])[::-1] / max(s[i]["counts"].sum(), 1) for s in said if s[:2] == name]
            axis.plot(np.arange(1, len(tails[0]) + 1), np.mean(tails, 0), color=COLOURS[way], label=way)
        axis.set(title=" · ".join(name), xlabel="clusters, most planned first", ylabel="share of plans")
        axis.set_yscale("log")
        axis.set_ylim(2e-3, 0.3)
        axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(here / "long_tail.svg", metadata={"Date": None})


def planners(found, worlds):
    """(c) planners on the same held-out keys."""
    rows, verdicts = [], []
    for name, world in sorted(worlds.items()):
        finals = {(network, way, seed): f for (network, n, way, seed), (_, f) in found.items() if n == name and "keys" in f}
        if not finals:
            continue
        keys = [tuple(k) for k in next(iter(finals.values()))["keys"]]
        base = world.baselines(keys)
        users = sum(sum(world.all[k].values()) for k in keys)
        late = sum(sum((world.all[k] - world.before[k]).values()) for k in keys)

        def cell(plans, later):
            mean, low, high = world.recall(keys, plans, later)
            return f"{mean:.3f} ({low:.3f}–{high:.3f})"

        rows.append([name, "best in hindsight", *(f"{world.recall(keys, world.hindsight(keys, later), later)[0]:.3f}" for later in (False, True)), len(keys), users, late])
        entries = [("random, expected", None, False)] + [(n, p, n == "successor") for n, p in base.items()]
        for (network, way, seed), f in sorted(finals.items()):
            if [tuple(k) for k in f["keys"]] != keys:
                continue  # judged on fewer keys
            for kind in ("free", "constrained", "base_constrained"):
                if kind in f and not (kind == "base_constrained" and way != "diversified"):
                    title = f"{network}, base, constrained" if kind.startswith("base") else f"{network}, {way}, seed {seed}, {kind}"
                    entries.append((title, np.array(f[kind]), way == "hint"))
        for title, plans, knows in entries:
            if plans is None:
                rows.append([name, title, f"{world.random(keys):.3f}", f"{world.random(keys):.3f}", len(keys), users, late])
                continue
            rows.append([name, title, "knows these users" if knows else cell(plans, False), cell(plans, True), len(keys), users, late])
        popular = world.recall(keys, base["popular"], False)[0]
        for (network, way, seed), f in sorted(finals.items()):
            if way == "diversified" and [tuple(k) for k in f["keys"]] == keys:
                mine = world.recall(keys, np.array(f["free"]), False)[0]
                verdicts.append((network, name, seed, mine, popular, world.recall(keys, base["one-cluster successor"], False)[0],
                                 world.recall(keys, np.array(f["free"]), True)[0], world.recall(keys, base["successor"], True)[0]))
    return table(["data", "planner", "recall@1, all users", "recall@1, users after the cut", "keys", "users", "after the cut"], rows), verdicts


def main():
    found = load()
    names = sorted({name for _, name, _, _ in found})
    worlds = {name: World(name) for name in names}
    steps = curves(found, worlds)
    tail, said = tails(found, worlds)
    plot(said)
    side, verdicts = planners(found, worlds)

    missed, held = [], []
    for (network, name, way, seed), (points, _) in sorted(found.items()):
        last, size = points[-1], len(worlds[name].vocabulary)
        if way in ("diversified", "hint"):
            ok = last["match"] >= 0.99 and last["distinct"] >= 50 / 64 * size
            (held if ok else missed).append(f"{network} on {name}{', with the hint' if way == 'hint' else ''}, seed {seed}: match {last['match']:.3f} with {last['distinct']} of {size} clusters named at step {last['step']} (wanted: at least 0.99 and {50 / 64 * size:.0f})")
    for network, name, seed, gini, rare, d, r in said:
        (held if gini else missed).append(f"{network} on {name}, seed {seed}: Gini {d['gini']:.2f} diversified, {r['gini']:.2f} random")
        (held if rare else missed).append(f"{network} on {name}, seed {seed}: share of plans on the rarest quarter of labels {d['rare']:.3f} diversified, {r['rare']:.3f} random (wanted: twice as much)")
    for network, name, seed, mine, popular, one, late, successor in verdicts:
        (held if mine > popular else missed).append(f"{network} on {name}, seed {seed}: recall@1 on held-out keys {mine:.3f}; popular {popular:.3f}, one-cluster successor {one:.3f} (wanted: above popular)")
        if name == "demo":
            continue  # where the aim is popular, and the best there can be
        (held if late > successor else missed).append(f"{network} on {name}, seed {seed}: recall@1 on held-out keys, of users after the cut, {late:.3f}; successor {successor:.3f} (wanted: above it)")
    expected = [("scratch", n, w, s) for n in ("demo", "online-retail", "movietweetings-100k") for w in (*WAYS, "hint") for s in (1, 2, 3)]
    expected += [("lora", "demo", w, 1) for w in (*WAYS, "popular")]
    absent = [" ".join(map(str, e)) for e in expected if e not in found]
    lora = [p["seconds_a_step"] for (network, *_), (points, _) in found.items() if network == "lora" for p in points[1:]]

    text = (here / "RESULTS.in.md").read_text()
    fill = {
        "MISSED": "".join(f"- {m}\n" for m in missed) or "- nothing of what was run\n",
        "HELD": "".join(f"- {m}\n" for m in held) or "- nothing\n",
        "ABSENT": ("Not run: " + ", ".join(absent) + ".") if absent else "Everything was run.",
        "SINGLE": ", ".join(f"{100 * single(w):.0f} % on {name}" for name, w in worlds.items()),
        "RAREST": ", ".join(f"{100 * share(w, 'random'):.0f} % on {name}" for name, w in worlds.items()),
        "STEPS": steps, "TAUGHT": taught(names, worlds), "TAILS": tail, "PLANNERS": side,
        "VERSIONS": f"Python {platform.python_version()}, " + ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("jax", "optax", "gguf", "numpy")) + f"; {platform.machine()}",
        "SECONDS": f"{np.median(lora):.1f} s a step of LoRA" if lora else "no LoRA",
    }
    for key, value in fill.items():
        text = text.replace("{{" + key + "}}", value)
    (here / "RESULTS.md").write_text(text)
    print(here / "RESULTS.md")


main()
