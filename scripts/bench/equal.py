"""Prints the number of rows of two tables that are equal, and fails on others.

usage: equal.py PARQUET_GLOB PARQUET_GLOB

Equal: the same columns of the same types, and the same rows in the same order.
"""
import sys

import duckdb

# A version's folder is called v=…, which is no column.
one, two = (f"read_parquet('{path}', hive_partitioning = false)" for path in sys.argv[1:])
columns = [duckdb.execute(f"DESCRIBE FROM {table}").fetchall() for table in (one, two)]
names = [[column[:2] for column in table] for table in columns]
if names[0] != names[1]:
    sys.exit(f"the columns differ: {names[0]}, {names[1]}")
rows = [duckdb.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in (one, two)]
if rows[0] != rows[1]:
    sys.exit(f"the numbers of rows differ: {rows[0]}, {rows[1]}")
different = duckdb.execute(f"SELECT count(*) FROM {one} AS one POSITIONAL JOIN {two} AS two WHERE one IS DISTINCT FROM two").fetchone()[0]
if different:
    sys.exit(f"{different} of {rows[0]} rows differ")
print(rows[0])
