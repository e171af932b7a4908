"""Foray's curate in SQL: transitions and keys of two clusters, to Parquet.

usage: curation.py EVENTS ITEM_CLUSTERS_VERSION OUTPUT_FOLDER THREADS

Of the ways that were tried this took the least CPU: numbers sort faster than
user ids, and lists of a user's clusters lose to windows as histories grow.
"""
import sys

import duckdb

events, item_clusters, output, threads = sys.argv[1:]
db = duckdb.connect()
db.execute(f"SET threads = {int(threads)}")
db.execute(f"SET temp_directory = '{output}/spilled'")
reader = "read_parquet" if events.endswith(".parquet") else "read_csv"

# The file is read once. Items that no cluster has count for the time span.
db.execute(f"""
CREATE TEMP TABLE named AS
SELECT user_id, timestamp AS ts, cluster_id AS cluster
FROM {reader}('{events}') LEFT JOIN read_parquet('{item_clusters}/*.parquet') USING (item_id)
""")
db.execute("CREATE TEMP TABLE users AS SELECT user_id, row_number() OVER ()::INTEGER AS user_number FROM (SELECT DISTINCT user_id FROM named)")
db.execute("CREATE TEMP TABLE events AS SELECT user_number, ts, cluster FROM named JOIN users USING (user_id)")
db.execute("DROP TABLE named")

# In whole microseconds, as Foray cuts.
db.execute("""
SET VARIABLE cut = (SELECT min(ts) * 1000000 + trunc(0.8::DOUBLE * ((max(ts) - min(ts)) * 1000000))::BIGINT FROM events)
""")

# A history, repeats in a row dropped: neighbours differ from here on.
db.execute("""
CREATE TEMP TABLE histories AS
SELECT user_number, ts, cluster FROM (
  SELECT *, lag(cluster) OVER (PARTITION BY user_number ORDER BY ts, cluster) AS before
  FROM events WHERE ts * 1000000 < getvariable('cut') AND cluster IS NOT NULL)
WHERE before IS DISTINCT FROM cluster
""")
db.execute("DROP TABLE events")

# At the first use of a cluster the two before it are the key.
db.execute(f"""
COPY (
  SELECT cluster_1, cluster_2, cluster AS next_cluster, count(*) AS users FROM (
    SELECT cluster, lag(cluster, 2) OVER history AS cluster_1, lag(cluster) OVER history AS cluster_2,
      row_number() OVER (PARTITION BY user_number, cluster ORDER BY ts) AS use
    FROM histories WINDOW history AS (PARTITION BY user_number ORDER BY ts, cluster))
  WHERE use = 1 AND cluster_1 IS NOT NULL
  GROUP BY ALL ORDER BY ALL
) TO '{output}/transitions.parquet' (COMPRESSION zstd)
""")

# At the end of a history its last two are the key.
db.execute(f"""
COPY (
  SELECT cluster_1, cluster_2, count(*) AS users FROM (
    SELECT lag(cluster) OVER history AS cluster_1, cluster AS cluster_2, lead(cluster) OVER history AS after
    FROM histories WINDOW history AS (PARTITION BY user_number ORDER BY ts, cluster))
  WHERE after IS NULL AND cluster_1 IS NOT NULL
  GROUP BY ALL ORDER BY ALL
) TO '{output}/keys.parquet' (COMPRESSION zstd)
""")
