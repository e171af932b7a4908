"""check.py OUT: reads what a run wrote below OUT with readers that are not Foray's.

Every table is followed from its CURRENT (those that the lookup table was made
from, from its manifest's parents), its parts are held against the manifest's
sizes and hashes, read by DuckDB, pyarrow/pandas and polars with the same
result, and held against the schema and the promises that the README makes.
Exits with 1 and a line for each promise that does not hold.
"""
import hashlib
import json
import math
import pathlib
import sys

import duckdb
import polars
import pyarrow.parquet

out = pathlib.Path(sys.argv[1])
wrong = []
lookup_version = (out / "lookup" / "CURRENT").read_text().strip()
made = json.loads((out / "lookup" / lookup_version / "_manifest.json").read_text())
K = int(made["options"]["history"])
KEYS = [f"cluster_{i + 1}" for i in range(K)]
KEY = [(name, "INTEGER") for name in KEYS]
SCHEMAS = {
    "clusters": [("cluster_id", "INTEGER"), ("level", "INTEGER"), ("parent_id", "INTEGER"), ("description", "VARCHAR"),
                 ("phrases", "VARCHAR[]"), ("items", "BIGINT"), ("traffic", "DOUBLE"), ("centroid", "FLOAT[]")],
    "item_clusters": [("item_id", "VARCHAR"), ("cluster_id", "INTEGER"), ("similarity", "FLOAT")],
    "transitions": [*KEY, ("next_cluster", "INTEGER"), ("users", "BIGINT")],
    "keys": [*KEY, ("users", "BIGINT")],
    "lookup": [*KEY, ("status", "VARCHAR"), ("novel_cluster", "INTEGER"), ("novel_description", "VARCHAR"), ("votes", "INTEGER"),
               ("samples", "INTEGER"), ("candidates", 'STRUCT("cluster" INTEGER, votes INTEGER, score DOUBLE)[]'), ("traffic", "DOUBLE"),
               ("model", "VARCHAR"), ("prompt_version", "VARCHAR")],
    "rejects": [("stage", "VARCHAR"), ("source", "VARCHAR"), ("reason", "VARCHAR"), ("raw", "VARCHAR")],
    "recommendations": [("user_id", "VARCHAR"), ("rank", "INTEGER"), ("item_id", "VARCHAR"), ("cluster_id", "INTEGER"),
                        ("source", "VARCHAR"), ("score", "DOUBLE")],
    "metrics": [("name", "VARCHAR"), ("planner", "VARCHAR"), ("k", "INTEGER"), ("value", "DOUBLE"), ("low", "DOUBLE"), ("high", "DOUBLE"),
                ("n", "BIGINT")],
    "item_policy": [("item_id", "VARCHAR"), ("next_item_id", "VARCHAR"), ("weight", "DOUBLE")],
}


def expect(holds, text):
    if not holds:
        wrong.append(text)


def version_of(table, parents):
    return parents.get(table) or (out / table / "CURRENT").read_text().strip()


def parts_of(table, version):
    folder = out / table / version
    manifest = json.loads((folder / "_manifest.json").read_text())
    expect((folder / "_SUCCESS").exists(), f"{table}: no _SUCCESS")
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("_"))
    expect(names == [p["name"] for p in manifest["parts"]], f"{table}: the parts are not the manifest's")
    for part in manifest["parts"]:
        data = (folder / part["name"]).read_bytes()
        expect(len(data) == part["bytes"] and hashlib.sha256(data).hexdigest() == part["sha256"], f"{table}/{part['name']}: not the manifest's bytes")
    return [str(folder / p["name"]) for p in manifest["parts"]], sum(p["rows"] for p in manifest["parts"])


def rows(sql):
    return duckdb.sql(sql).fetchall()


parents = made["parents"] | {"lookup": lookup_version}
key = ", ".join(KEYS)
tables = {}
for table, columns in SCHEMAS.items():
    parts, count = parts_of(table, version_of(table, parents))
    # The folder v=… looks like a Hive partition: without this DuckDB adds a column v.
    tables[table] = f"read_parquet({parts}, hive_partitioning = false)"
    got = [(r[0], r[1]) for r in rows(f"describe select * from {tables[table]}")]
    expect([(n, t.replace('"', "")) for n, t in got] == [(n, t.replace('"', "")) for n, t in columns], f"{table}: DuckDB sees {got}")
    arrow = pyarrow.parquet.ParquetDataset(parts).read()
    pandas = arrow.to_pandas()
    frame = polars.read_parquet(parts)
    counts = {"DuckDB": rows(f"select count(*) from {tables[table]}")[0][0], "pyarrow": arrow.num_rows, "pandas": len(pandas), "polars": frame.height}
    expect(set(counts.values()) == {count}, f"{table}: {count} rows in the manifest, {counts}")
    for name, kind in columns:
        if kind in ("INTEGER", "BIGINT"):
            sums = rows(f"select coalesce(sum({name}), 0) from {tables[table]}")[0][0], int(pandas[name].sum()), int(frame[name].sum())
            expect(len(set(int(s) for s in sums)) == 1, f"{table}.{name}: DuckDB, pandas and polars sum to {sums}")
    for part in parts:
        schema = str(pyarrow.parquet.ParquetFile(part).schema)
        expect(not any(w in schema for w in ("UINT", "UUID", "Enum", "JSON", "NANO", "isSigned=false")), f"{part}: a type that not every engine reads")

c, l, ic = tables["clusters"], tables["lookup"], tables["item_clusters"]
leaf, = rows(f"select max(level) from {c}")[0]
k, = rows(f"select count(*) from {c} where level = {leaf}")[0]
keys, distinct = rows(f"select count(*), count(distinct row({key})) from {l}")[0]
expect(keys == distinct, f"lookup: {keys - distinct} keys stand twice")
every = math.comb(k, K) if made["options"]["key_order"] == "set" else math.perm(k, K)
expect(0 < keys < every if made["options"]["keys"] == "observed" else keys == every, f"lookup: {keys} keys of {k} clusters")
for table in ("lookup", "transitions", "keys"):
    order = pyarrow.parquet.ParquetDataset(parts_of(table, parents[table])[0]).read(KEYS).to_pandas()
    expect(order.equals(order.sort_values(KEYS, kind="stable", ignore_index=True)), f"{table}: not sorted by key")
for what, sql in {
    "lookup: a plan from its own key": f"select count(*) from {l} where novel_cluster in ({key})",
    "lookup: status and novel_cluster disagree": f"select count(*) from {l} where (status = 'ok') <> (novel_cluster is not null)",
    "lookup: a description that is not the cluster's": f"select count(*) from {l} l left join {c} c on c.cluster_id = novel_cluster and level = {leaf} where status = 'ok' and c.description is distinct from novel_description",
    "lookup: the first candidate is not the plan": f"select count(*) from {l} where status = 'ok' and candidates[1].cluster is distinct from novel_cluster",
    "clusters: a parent that is not one level up": f"select count(*) from {c} x left join {c} p on p.cluster_id = x.parent_id and p.level = x.level - 1 where x.level > 0 and p.cluster_id is null",
    "clusters: two leaves with one description": f"select count(*) - count(distinct lower(description)) from {c} where level = {leaf}",
    "item_clusters: an item in no leaf": f"select count(*) from {ic} where cluster_id not in (select cluster_id from {c} where level = {leaf})",
    "item_clusters: an item twice": f"select count(*) - count(distinct item_id) from {ic}",
    "clusters: items do not add up": f"select count(*) from (select cluster_id, items from {c} where level = {leaf}) c full join (select cluster_id, count(*) n from {ic} group by 1) i using (cluster_id) where items is distinct from n",
    "transitions: a next cluster of its own key": f"select count(*) from {tables['transitions']} where next_cluster in ({key})",
    "metrics: a metric twice": f"select count(*) - count(distinct row(name, planner, k)) from {tables['metrics']}",
    "metrics: a value outside its interval": f"select count(*) from {tables['metrics']} where not (low <= value and value <= high)",
    "recommendations: an item twice for one user": f"select count(*) - count(distinct (user_id, item_id)) from {tables['recommendations']}",
    "recommendations: an item in another cluster": f"select count(*) from {tables['recommendations']} r join {ic} i using (item_id) where r.cluster_id <> i.cluster_id",
}.items():
    n, = rows(sql)[0]
    expect(n == 0, f"{what} ({n})")
for level, total in rows(f"select level, sum(traffic) from {c} group by 1"):
    expect(abs(total - 1) < 1e-9, f"clusters: the traffic of level {level} sums to {total}")

print(f"{out}: {len(tables)} tables, {k} clusters, {keys} keys read by DuckDB, pyarrow, pandas and polars")
for line in wrong:
    print("WRONG", line)
sys.exit(bool(wrong))
