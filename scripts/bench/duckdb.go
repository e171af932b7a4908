package main

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"foray/schemas"
)

//go:embed requirements.txt
var requirements string

//go:embed *.py
var scripts embed.FS

// duckdb is the rival: DuckDB in a Python environment of the bench's own.
type duckdb struct {
	version string // as pip names it
	python  string
	dir     string // the scripts, its tables, and what it spills
	threads int
}

// install makes the environment, unless it is there.
func (b *bench) install() (*duckdb, error) {
	env := filepath.Join(b.dir, "python")
	d := &duckdb{version: strings.TrimSpace(requirements), python: filepath.Join(env, "bin", "python"), dir: filepath.Join(b.dir, "duckdb"), threads: b.threads}
	if err := os.RemoveAll(d.dir); err != nil {
		return nil, err
	}
	if err := os.CopyFS(d.dir, scripts); err != nil {
		return nil, err
	}
	stamp := filepath.Join(env, "requirements.txt")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == requirements {
		return d, nil
	}
	if _, err := run(command("python3", "-m", "venv", env)); err != nil {
		return nil, fmt.Errorf("making an environment for DuckDB (python3 with venv is needed; -only plan goes without): %w", err)
	}
	install := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, strings.Fields(requirements)...)
	if _, err := run(command(d.python, install...)); err != nil {
		return nil, fmt.Errorf("installing DuckDB (the network is needed once; -only plan goes without): %w", err)
	}
	return d, os.WriteFile(stamp, []byte(requirements), 0o666)
}

// curate writes DuckDB's transitions and keys of a file of events, with the
// clusters of Foray's output.
func (d *duckdb) curate(events, out string) (usage, error) {
	version, err := current(out, schemas.ItemClustersTable)
	if err != nil {
		return usage{}, err
	}
	return run(d.script("curation.py", events, version, d.dir, strconv.Itoa(d.threads)))
}

// toParquet writes a CSV file as Parquet beside it, unless it is there.
func (d *duckdb) toParquet(csv string) (string, error) {
	parquet := strings.TrimSuffix(csv, ".csv") + ".parquet"
	if _, err := os.Stat(parquet); err == nil {
		return parquet, nil
	}
	half := parquet + ".half"
	if _, err := run(d.script("parquet.py", csv, half)); err != nil {
		return "", fmt.Errorf("writing %s: %w", parquet, err)
	}
	return parquet, os.Rename(half, parquet)
}

// compare holds DuckDB's tables against Foray's, row by row, and says how many
// rows there were. It is an error if any differs.
func (d *duckdb) compare(out string) (string, error) {
	var said []string
	for _, table := range []string{schemas.TransitionsTable, schemas.KeysTable} {
		version, err := current(out, table)
		if err != nil {
			return "", err
		}
		text, err := d.script("equal.py", filepath.Join(version, "*.parquet"), d.table(table)).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s of Foray and of DuckDB: %w\n%s", table, err, text)
		}
		rows, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return "", fmt.Errorf("counting the rows of %s: %w", table, err)
		}
		said = append(said, number(rows)+" "+table)
	}
	return strings.Join(said, " and "), nil
}

func (d *duckdb) script(name string, args ...string) *exec.Cmd {
	return command(d.python, append([]string{filepath.Join(d.dir, name)}, args...)...)
}

// table is the file of one of DuckDB's tables.
func (d *duckdb) table(name string) string { return filepath.Join(d.dir, name+".parquet") }

// current is the folder of a table's published version.
func current(out, table string) (string, error) {
	name, err := os.ReadFile(filepath.Join(out, table, "CURRENT"))
	if err != nil {
		return "", fmt.Errorf("finding the published version of %s: %w", table, err)
	}
	return filepath.Join(out, table, strings.TrimSpace(string(name))), nil
}
