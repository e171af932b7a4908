"""Writes the files of this folder: one table of 120 rows, by many writers.

The values are those of columnar_test.go (func valueOf), by the row's number.
"""
import datetime
import decimal
import uuid

import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

N = 120
R = range(N)
START = 1365019507123456  # 2013-04-03T20:05:07.123456Z, in microseconds
STEP = 1_000_003
micros = [START + i * STEP if i else -1 for i in R]


def null(i, value):
    return None if i % 11 == 3 else value


def elements(i, of):
    return None if i % 7 == 6 else [of(i, j) for j in range(i % 7 if i % 7 < 5 else 0)]


tag = lambda i, j: None if (i + j) % 5 == 4 else f"tag {i % 3} {j}"

arrow = {
    "user_id": pa.array([f"user {i * 7 % 50:03d}" for i in R]),
    "item_id": pa.array([i * 1_000_000_007 - 5 for i in R], pa.int64()),
    "timestamp": pa.array(micros, pa.timestamp("us", "UTC")),
    "ms": pa.array([t // 1000 for t in micros], pa.timestamp("ms")),
    "ns": pa.array([t * 1000 + 7 for t in micros], pa.timestamp("ns")),
    "day": pa.array([i - 10 for i in R], pa.int32()).cast(pa.date32()),
    "rating": pa.array([null(i, float("nan") if i % 13 == 5 else i / 8) for i in R]),
    "weight": pa.array([null(i, i / 4) for i in R], pa.float32()),
    "half": pa.array(np.array([i / 4 for i in R], dtype=np.float16)),
    "flag": pa.array([null(i, i % 3 == 0) for i in R]),
    "rank": pa.array([null(i, i - 100) for i in R], pa.int16()),
    "big": pa.array([4_000_000_000 + i for i in R], pa.uint32()),
    "huge": pa.array([2**62 + i for i in R], pa.uint64()),
    "title": pa.array([null(i, f"a title with a shared start, {i:04d}" * (i % 3)) for i in R]),
    "code": pa.array([b"%04d" % i for i in R], pa.binary(4)),
    "whole": pa.array([decimal.Decimal(i - 7) for i in R], pa.decimal128(18, 0)),
    "nothing": pa.array([None] * N, pa.null()),
    "embedding": pa.array([elements(i, lambda i, j: i + j / 2) for i in R], pa.list_(pa.float32())),
    "counts": pa.array([elements(i, lambda i, j: i - j) for i in R], pa.list_(pa.int64())),
    "tags": pa.array([elements(i, tag) for i in R], pa.list_(pa.string())),
    "in": pa.array([null(i, {"side": {"word": null(i + 1, f"w{i}")}, "n": i}) for i in R]),
    "price": pa.array([decimal.Decimal(i) / 4 for i in R], pa.decimal128(10, 2)),
    "clock": pa.array([i for i in R], pa.time32("ms")),
    "pairs": pa.array([[("k", i)] for i in R], pa.map_(pa.string(), pa.int32())),
    "rows": pa.array([[{"x": i}] for i in R]),
    "nested": pa.array([[[i]] for i in R]),
}
table = pa.table(arrow)
flat = table.drop_columns(["embedding", "counts", "tags", "in", "price", "clock", "pairs", "rows", "nested", "nothing"])
readable = table.drop_columns(["price", "clock", "pairs", "rows", "nested", "nothing"])

small = dict(data_page_size=300, write_batch_size=16)
pq.write_table(table, "arrow_v1_snappy.parquet", compression="snappy")
pq.write_table(readable, "arrow_v2_zstd.parquet", compression="zstd", data_page_version="2.0", row_group_size=50)
pq.write_table(flat, "arrow_plain_none.parquet", compression="none", use_dictionary=False, write_page_checksum=True, **small)
pq.write_table(readable, "arrow_dictionary_gzip.parquet", compression="gzip", row_group_size=50, write_page_checksum=True, **small)
pq.write_table(readable, "arrow_v2_lz4.parquet", compression="lz4", data_page_version="2.0", **small)
pq.write_table(flat, "arrow_brotli.parquet", compression="brotli", use_dictionary=False)
pq.write_table(flat.select(["user_id", "timestamp"]), "arrow_int96.parquet", use_deprecated_int96_timestamps=True)
# The dictionary is full at once, so most pages have none.
pq.write_table(flat.select(["user_id", "item_id", "title"]), "arrow_fallback.parquet", dictionary_pagesize_limit=200, **small)
delta = {c: "DELTA_BINARY_PACKED" for c in ["item_id", "timestamp", "ms", "ns", "day", "rank", "big", "huge"]}
delta |= {"user_id": "DELTA_LENGTH_BYTE_ARRAY", "title": "DELTA_BYTE_ARRAY", "rating": "BYTE_STREAM_SPLIT",
          "weight": "BYTE_STREAM_SPLIT", "half": "BYTE_STREAM_SPLIT", "code": "DELTA_BYTE_ARRAY", "whole": "BYTE_STREAM_SPLIT",
          "flag": "RLE"}
for version in "1.0", "2.0":
    pq.write_table(flat, f"arrow_delta_v{version[0]}.parquet", use_dictionary=False, column_encoding=delta,
                   data_page_version=version, compression="zstd", **small)
split = {c: "BYTE_STREAM_SPLIT" for c in ["item_id", "timestamp", "day", "rank", "code"]}
pq.write_table(flat, "arrow_split.parquet", use_dictionary=False, column_encoding=split, compression="none", **small)

con = duckdb.connect()
con.execute("set timezone = 'UTC'")
con.register("t", readable.drop_columns(["half", "ns"]))
con.execute("create table d as select *, ns: make_timestamp_ns(epoch_us(timestamp) * 1000 + 7), "
            "id: cast(printf('00000000-0000-4000-8000-%012x', row_number() over () - 1) as uuid) from t")
con.execute("copy d to 'duckdb_v1.parquet' (format parquet)")
con.execute("copy d to 'duckdb_v2_zstd.parquet' (format parquet, parquet_version v2, compression zstd)")
con.execute("copy (select user_id, timestamp, title, rating, tags from d) to 'duckdb_lz4.parquet' (format parquet, compression lz4_raw)")

p = pl.from_arrow(readable.drop_columns(["half", "code", "whole"]))
p.write_parquet("polars.parquet")
p.write_parquet("polars_snappy.parquet", compression="snappy", data_page_size=300, row_group_size=50)

columns = ["user_id", "item_id", "timestamp", "ms", "flag", "title", "embedding"]
table.select(columns).to_pandas().to_parquet("pandas.parquet")
fast = flat.select(["user_id", "item_id", "timestamp", "title", "weight"]).to_pandas()
fastparquet.write("fastparquet.parquet", fast, compression="GZIP", row_group_offsets=[0, 50], times="int64")
fast["timestamp"] = fast["timestamp"].dt.as_unit("ns")
fastparquet.write("fastparquet_int96.parquet", fast[["user_id", "timestamp"]], times="int96")
