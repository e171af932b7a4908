"""Recall@1 and hit rate of a lookup table in SQL, as JSON.

usage: evaluation.py EVENTS ITEM_CLUSTERS_VERSION LOOKUP_VERSION FOLDER THREADS FIGURES
"""
import json
import sys

import duckdb

events, item_clusters, lookup, folder, threads, figures = sys.argv[1:]
db = duckdb.connect()
db.execute(f"SET threads = {int(threads)}")
db.execute(f"SET temp_directory = '{folder}/spilled'")
reader = "read_parquet" if events.endswith(".parquet") else "read_csv"

db.execute(f"""
CREATE TEMP TABLE named AS
SELECT user_id, timestamp AS ts, cluster_id AS cluster
FROM {reader}('{events}') LEFT JOIN read_parquet('{item_clusters}/*.parquet') USING (item_id)
""")
db.execute("CREATE TEMP TABLE users AS SELECT user_id, row_number() OVER ()::INTEGER AS user_number FROM (SELECT DISTINCT user_id FROM named)")
db.execute("CREATE TEMP TABLE events AS SELECT user_number, ts, cluster FROM named JOIN users USING (user_id)")
db.execute("DROP TABLE named")
db.execute("""
SET VARIABLE cut = (SELECT min(ts) * 1000000 + trunc(0.8::DOUBLE * ((max(ts) - min(ts)) * 1000000))::BIGINT FROM events)
""")

# Histories to their end, repeats in a row dropped. A user without an event
# after the cut has no case.
db.execute("""
CREATE TEMP TABLE histories AS
SELECT user_number, ts, cluster FROM (
  SELECT *, lag(cluster) OVER (PARTITION BY user_number ORDER BY ts, cluster) AS before
  FROM events WHERE cluster IS NOT NULL
    AND user_number IN (SELECT user_number FROM events WHERE ts * 1000000 >= getvariable('cut')))
WHERE before IS DISTINCT FROM cluster
""")
db.execute("DROP TABLE events")
db.execute("""
CREATE TEMP TABLE steps AS
SELECT user_number, ts, cluster, lag(cluster, 2) OVER history AS cluster_1, lag(cluster) OVER history AS cluster_2,
  row_number() OVER history AS place, row_number() OVER (PARTITION BY user_number, cluster ORDER BY ts) AS use
FROM histories WINDOW history AS (PARTITION BY user_number ORDER BY ts, cluster)
""")
db.execute("DROP TABLE histories")

cases, users, recall, hit_rate = db.execute(f"""
WITH cases AS (
  SELECT user_number, place, cluster, novel_cluster
  FROM steps JOIN read_parquet('{lookup}/*.parquet') USING (cluster_1, cluster_2)
  WHERE use = 1 AND ts * 1000000 >= getvariable('cut')),
lasts AS (SELECT user_number, cluster, max(place) AS last FROM steps GROUP BY ALL)
SELECT count(*), count(DISTINCT cases.user_number), avg(CASE WHEN cases.cluster = novel_cluster THEN 1.0 ELSE 0.0 END),
  avg(CASE WHEN last >= place THEN 1.0 ELSE 0.0 END)
FROM cases LEFT JOIN lasts ON lasts.user_number = cases.user_number AND lasts.cluster = novel_cluster
""").fetchone()
with open(figures, "w") as out:
    json.dump({"cases": cases, "users": users, "recall": recall, "hit_rate": hit_rate}, out)
