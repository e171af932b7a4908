"""Writes a CSV file as Parquet, in its order, with DuckDB's defaults.

usage: parquet.py CSV PARQUET
"""
import sys

import duckdb

csv, parquet = sys.argv[1:]
duckdb.execute(f"COPY (FROM read_csv('{csv}')) TO '{parquet}' (FORMAT parquet)")
