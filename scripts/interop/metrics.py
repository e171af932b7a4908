"""metrics.py OUT EVENTS: computes every row of metrics/ again, by numpy.

Nothing of Foray's is used but its tables and the log that they were made from:
the plans of a planner are those of its version of lookup/ (foray plan
--planner … --publish=false), with every key. Values, intervals and p-values
must be equal to 1e-9. Exits with 1 and a line for each row that is not.
"""
import collections
import functools
import json
import math
import pathlib
import sys

import numpy as np
import pandas
import xxhash

out, log = pathlib.Path(sys.argv[1]), sys.argv[2]
REPLICATES, TOPS, LISTED = 400, (1, 5, 10), 10


# --- tables ---

def manifest(table, version):
    return json.loads((out / table / version / "_manifest.json").read_text())


def read(table, version):
    if not version:
        return None
    return pandas.concat([pandas.read_parquet(out / table / version / p["name"], partitioning=None) for p in manifest(table, version)["parts"]], ignore_index=True)


judged = manifest("metrics", (out / "metrics" / "CURRENT").read_text().strip())
parents = judged["parents"]
table = manifest("lookup", parents["lookup"])
K, as_set, own = int(table["options"]["history"]), table["options"]["key_order"] == "set", table["options"]["planner"]
names = [own] + [n for n in ("successor", "popular", "nearest", "random") if n != own]
key_columns = [f"cluster_{i + 1}" for i in range(K)]

clusters = read("clusters", parents["clusters"])
by_id = clusters.set_index("cluster_id")
depth = int(clusters.level.max())
leaves = sorted(int(c) for c in clusters.cluster_id[clusters.level == depth])
rank = {c: i for i, c in enumerate(leaves)}


@functools.cache
def path(leaf):
    ids = [leaf]
    while by_id.level[ids[0]] > 0:
        ids.insert(0, int(by_id.parent_id[ids[0]]))
    return tuple(ids)


@functools.cache
def common_level(a, b):
    return max((i for i, (x, y) in enumerate(zip(path(a), path(b))) if x == y), default=-1)


def keys_of(rows):
    return list(zip(*(rows[c].tolist() for c in key_columns)))


def number(key):
    n = 0
    for c in key:
        n = (n * len(leaves) + rank[c]) % 2**64
    return n


def plans_of(version):
    rows = read("lookup", version)
    lists = ([int(c["cluster"]) for c in cs][:LISTED] if s == "ok" else [] for s, cs in zip(rows.status, rows.candidates))
    return dict(zip(keys_of(rows), lists))


@functools.cache
def version_of(planner, seed):
    for folder in sorted((out / "lookup").glob("v=*"), reverse=True):
        m = json.loads((folder / "_manifest.json").read_text())
        if (m["options"]["planner"], m["options"]["seed"], m["options"]["keys"]) == (planner, seed, "all") and m["parents"] == table["parents"]:
            return m["version"]
    raise SystemExit(f"{out}: no version of lookup/ holds the plans of {planner} for all keys with the seed {seed}")


seed = judged["options"]["seed"]
rows = read("lookup", parents["lookup"])
rows_keys = keys_of(rows)
plans = [plans_of(parents["lookup"])] + [plans_of(version_of(n, seed)) for n in names[1:]]
earlier = judged["options"].get("against")
others = [plans_of(earlier) if earlier else None] + [plans_of(version_of(n, str(int(seed) + (n == "random")))) for n in names[1:]]

# --- resamples ---

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
GROUPS = 4096  # of users that are resampled as one


def mix(x):
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def quantiles(mean):
    ends, p, total, n = [], math.exp(-mean), 0.0, 0
    while not ends or ends[-1] < 65536:
        total += p
        n += 1
        p *= mean / n
        ends.append(min(65536, math.floor(total * 65536 + 0.5)))
    return np.searchsorted(ends, np.arange(65536), side="right")


ONE, MANY = quantiles(1), quantiles(64)


def draw(subject, n):
    """How often each resample draws n users."""
    draws = n % 64 + n // 64
    blocks = REPLICATES // 4
    u = mix(mix(np.uint64(subject)) + GOLDEN * np.arange(1, draws * blocks + 1, dtype=np.uint64))
    lanes = np.stack([u >> np.uint64(16 * i) & np.uint64(0xFFFF) for i in range(4)], axis=1).astype(int).reshape(draws, REPLICATES)
    return ONE[lanes[: n % 64]].sum(axis=0) + MANY[lanes[n % 64:]].sum(axis=0)


def interval(value, boots):
    boots = np.sort(boots[~np.isnan(boots)])
    if not len(boots):
        return value, value, value
    at = lambda q: boots[int(q * (len(boots) - 1) + 0.5)]
    return value, min(value, at(0.025)), max(value, at(0.975))


got = {}


def put(name, planner, k, value, boots, n):
    if not math.isnan(value):
        got[name, planner, k] = (*interval(value, np.asarray(boots, dtype=float)), int(n))


# --- what users did after the cut ---

np.seterr(invalid="ignore", divide="ignore", over="ignore")
cut = manifest("transitions", parents["transitions"])["counts"]["train_until_micros"]
events = pandas.read_csv(log, dtype={"user_id": str, "item_id": str}, keep_default_na=False)
events = events.merge(read("item_clusters", parents["item_clusters"]), on="item_id")
events["micros"] = events.timestamp.astype("int64") * 1_000_000
events = events.sort_values(["user_id", "micros", "cluster_id"], kind="stable")

cases = collections.defaultdict(list)  # columns
for user, h in events.groupby("user_id", sort=False):
    path_taken, times = h.cluster_id.tolist(), h.micros.tolist()
    seen, recent = set(), []
    for i, c in enumerate(path_taken):
        if c not in seen and len(recent) == K and times[i] >= cut:
            key = tuple(sorted(recent)) if as_set else tuple(recent)
            later = set(path_taken[i:])
            cases["user"].append(user)
            cases["key"].append(key)
            cases["next"].append(c)
            for p, of in enumerate(plans):
                listed = of.get(key, [])
                fresh = [x for x in listed if x not in seen]
                for k in TOPS:
                    cases["recall", k, p].append(c in listed[:k])
                    cases["novel_recall", k, p].append(c in fresh[:k])
                cases["hit_rate", 1, p].append(bool(listed) and listed[0] in later)
                cases["new_to_user", 1, p].append(bool(listed) and listed[0] not in seen)
                cases["plan", p].append(listed[0] if listed else None)
        seen.add(c)
        recent = ([x for x in recent if x != c] + [c])[-K:]

standing = read("keys", parents["keys"])
traffic = dict(zip(keys_of(standing), standing.users.tolist()))
decile, before, everybody = {}, 0, sum(traffic.values())
for key in sorted(traffic, key=lambda key: (-traffic[key], number(key))):
    decile[key] = 1 + before * 10 // everybody
    before += traffic[key]

if cases["user"]:
    users, user = np.unique(cases["user"], return_inverse=True)
    W = np.stack([draw(int(mix(np.uint64(xxhash.xxh64_intdigest(u.encode()) % 2**54))) % GROUPS, 1) for u in users])
    case_weights = W[user]  # of each case, in each resample
    per_key = collections.Counter(cases["key"])
    by_case, by_key = np.ones(len(user)), np.array([1 / per_key[key] for key in cases["key"]])

    def ratio(part, whole):
        part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
        return part.sum() / whole.sum(), (part @ case_weights) / (whole @ case_weights)

    after = collections.defaultdict(collections.Counter)
    for key, c in zip(cases["key"], cases["next"]):
        after[key][c] += 1
    trained = collections.defaultdict(collections.Counter)
    transitions = read("transitions", parents["transitions"])
    for key, c, n in zip(keys_of(transitions), transitions.next_cluster.tolist(), transitions.users.tolist()):
        trained[key][c] = n
    top = lambda counts: set(sorted(counts, key=lambda c: (-counts[c], c))[:5])
    overlap = np.array([len(top(trained[key]) & top(after[key])) / len(top(trained[key]) | top(after[key])) if key in trained else np.nan for key in cases["key"]])
    stable = ~np.isnan(overlap)
    for suffix, weight in ("", by_case), ("_by_key", by_key):
        if stable.any():
            put("successor_stability" + suffix, "successor", 5, *ratio(weight * np.where(stable, overlap, 0), weight * stable), stable.sum())
    deciles = np.array([decile.get(key, 0) for key in cases["key"]])

    for p, name in enumerate(names):
        leads = []
        for suffix, weight in ("", by_case), ("_by_key", by_key):
            for metric, k in [("recall", k) for k in TOPS] + [("novel_recall", 1), ("novel_recall", 5), ("hit_rate", 1), ("new_to_user", 1)]:
                mine = weight * np.array(cases[metric, k, p])
                put(metric + suffix, name, k, *ratio(mine, weight), len(user))
                if p > 0 and metric != "new_to_user" and (metric, suffix) != ("novel_recall", "_by_key"):
                    value, boots = ratio(weight * np.array(cases[metric, k, 0]) - mine, weight)
                    put(f"{metric}{suffix}_minus_{name}", own, k, value, boots, len(user))
                    least = 1 + min((boots <= 1e-9).sum(), (boots >= -1e-9).sum())
                    put(f"{metric}{suffix}_minus_{name}_p", own, k, min(1, 2 * least / (1 + (~np.isnan(boots)).sum())), [], len(user))
        for d in range(1, 11):
            of = deciles == d
            if of.any():
                put(f"recall_decile_{d}", name, 10, *ratio(of * np.array(cases["recall", 10, p]), of), of.sum())
        # Of users with two or more keys, the distinct first plans and keys.
        seen = collections.defaultdict(lambda: (set(), set()))
        for u, key, plan in zip(user, cases["key"], cases["plan", p]):
            if plan is not None:
                seen[u][0].add(key)
                seen[u][1].add(plan)
        pairs = np.array([(u, len(k), len(s)) for u, (k, s) in seen.items() if len(k) > 1]).reshape(-1, 3)
        if len(pairs):
            u, k, s = pairs.T
            put("user_diversity", name, 1, s.sum() / k.sum(), (s @ W[u]) / (k @ W[u]), k.sum())

# --- what the table plans ---

key_users = np.array([traffic.get(key, 0) for key in rows_keys])
stood = np.flatnonzero(key_users)
key_weights = np.stack([draw(number(rows_keys[i]), int(key_users[i])) for i in stood]) if len(stood) else np.zeros((0, REPLICATES))


def concentration(counts):
    ascending, all_plans = np.sort(counts, axis=0), counts.sum(axis=0)
    n = len(counts)
    share = counts / all_plans
    return {
        "coverage": (counts > 0).mean(axis=0),
        "plan_entropy": np.where(all_plans > 0, -np.where(counts > 0, share * np.log2(np.where(counts > 0, share, 1)), 0).sum(axis=0), np.nan),
        "plan_gini": (ascending * (2 * np.arange(1, n + 1) - n - 1).reshape(-1, *[1] * (counts.ndim - 1))).sum(axis=0) / (n * all_plans),
        "plan_top_decile": ascending[n - max(1, n // 10):].sum(axis=0) / all_plans,
    }


for p, name in enumerate(names):
    status = rows.status.to_numpy() if p == 0 else np.full(len(rows), "ok")
    first = [(plans[p].get(key) or [None])[0] for key in rows_keys]
    planned = np.array([f is not None for f in first], dtype=float)
    matched = np.isin(status, ["ok", "not_novel"]).astype(float)
    answered = matched + (status == "no_match")
    distance = np.array([depth - max(common_level(f, c) for c in key) if f is not None else 0 for f, key in zip(first, rows_keys)])
    apart = np.zeros((2, len(rows)))
    for i, key in enumerate(rows_keys):
        few = plans[p].get(key, [])[:5]
        steps = [depth - common_level(x, y) for j, x in enumerate(few) for y in few[:j]]
        apart[:, i] = sum(steps), len(steps)
    again = [None] * len(rows) if others[p] is None else [(others[p].get(key) or [None])[0] for key in rows_keys]
    compared = np.array([f is not None and g is not None for f, g in zip(first, again)], dtype=float)
    figures = {  # part and whole, of each key
        ("match_rate", 0): (matched, answered), ("novelty_rate", 0): ((status == "ok").astype(float), matched),
        ("planned_rate", 0): (planned, np.ones(len(rows))), ("tree_distance", 0): (distance, planned), ("plan_diversity", 5): tuple(apart),
        ("agreement", 0): (compared * [f == g for f, g in zip(first, again)], compared),
    } | {("tree_common_level", level): (planned * (distance == depth - level), planned) for level in range(depth)}
    for (metric, k), (part, whole) in figures.items():
        put(metric, name, k, part.sum() / whole.sum(), [], whole.sum())
        if len(stood):
            boots = (part[stood] @ key_weights) / (whole[stood] @ key_weights)
            put(metric + "_by_traffic", name, k, (part * key_users).sum() / (whole * key_users).sum(), boots, (whole * key_users).sum())
    given, hit = (table.get("counts", {}).get(c, 0) for c in ("answers_given", "answers_matched"))
    if p == 0 and given and (given, hit) != (answered.sum(), matched.sum()):  # first answers that a later one mended
        got.pop(("match_rate_by_traffic", name, 0), None)
        put("match_rate", name, 0, hit / given, [], given)
    ranks = np.array([rank[f] if f is not None else -1 for f in first])
    counts = np.bincount(ranks[ranks >= 0], minlength=len(leaves))
    users_of = np.bincount(ranks[ranks >= 0], weights=key_users[ranks >= 0], minlength=len(leaves))
    drawn = np.zeros((len(leaves), REPLICATES))
    np.add.at(drawn, ranks[stood][ranks[stood] >= 0], key_weights[ranks[stood] >= 0])
    for (metric, value), one, boots in zip(concentration(counts).items(), concentration(users_of).values(), concentration(drawn).values()):
        put(metric, name, 0, float(value), [], planned.sum())
        if len(stood):
            put(metric + "_by_traffic", name, 0, float(one), boots, (planned * key_users).sum())

# --- hold them against the table ---

written = {(r.name_, r.planner, r.k): (r.value, r.low, r.high, r.n) for r in read("metrics", judged["version"]).rename(columns={"name": "name_"}).itertuples()}
wrong = [f"{w}: {', '.join(map(str, written.get(w, ['not written'])))}; by numpy {', '.join(map(str, got.get(w, ['nothing'])))}"
         for w in sorted(written.keys() | got.keys()) if w not in written or w not in got or not np.allclose(written[w], got[w], rtol=0, atol=1e-9)]
print(f"{out}: {len(written)} metrics of {len(cases['user'])} transitions and {len(rows)} keys, computed again by numpy")
for line in wrong:
    print("WRONG", line)
sys.exit(bool(wrong))
