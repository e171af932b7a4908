package store

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"foray/schemas"
)

// Retain deletes old versions of the tables of an output: of each table the
// newest keep finished versions stay, the one that CURRENT names stays, and so
// does every version that the manifest of a kept one names as a parent,
// however deep. Where there are more than keep, unfinished versions and
// attempts older than the oldest kept one go, too; until then a slow run that
// others have overtaken may still finish. It returns what it deleted, as
// table/version.
func Retain(ctx context.Context, b Bucket, tables []string, keep int) ([]string, error) {
	keep = max(keep, 0)
	finished := map[string][]string{}
	kept := map[string]bool{} // by table/version
	var todo []string
	hold := func(table, version string) {
		if name := path.Join(table, version); !kept[name] {
			kept[name] = true
			todo = append(todo, name)
		}
	}
	for _, table := range tables {
		versions, err := Versions(ctx, b, table)
		if err != nil {
			return nil, err
		}
		finished[table] = versions
		for _, v := range versions[max(0, len(versions)-keep):] {
			hold(table, v)
		}
		current, err := Current(ctx, b, table)
		if err == nil {
			hold(table, current)
		} else if !errors.Is(err, ErrNotExist) {
			return nil, err
		}
	}
	for len(todo) > 0 {
		table, version := path.Split(todo[0])
		todo = todo[1:]
		m, err := ReadManifest(ctx, b, strings.TrimSuffix(table, "/"), version)
		if errors.Is(err, ErrNotExist) {
			continue // a parent that somebody removed
		}
		if err != nil {
			return nil, err
		}
		for parent, v := range m.Parents {
			hold(parent, v)
		}
	}
	var gone []string
	for _, table := range tables {
		if len(finished[table]) <= keep {
			continue
		}
		oldest := ""
		for _, v := range finished[table] {
			if kept[path.Join(table, v)] {
				oldest = v
				break
			}
		}
		infos, err := b.List(ctx, table+"/")
		if err != nil {
			return gone, err
		}
		seen := map[string]bool{}
		for _, info := range infos {
			rest := strings.TrimPrefix(info.Name, table+"/")
			rest = strings.TrimPrefix(rest, attempts+"/")
			version, _, ok := strings.Cut(rest, "/")
			if !ok || !validVersion(version) || version >= oldest && !slices.Contains(finished[table], version) || kept[path.Join(table, version)] {
				continue
			}
			if err := b.Remove(ctx, info.Name); err != nil {
				return gone, err
			}
			if !seen[version] {
				seen[version] = true
				gone = append(gone, path.Join(table, version))
			}
		}
	}
	return gone, nil
}

// Tables are all versioned tables of an output, for Retain.
func Tables() []string {
	return []string{
		schemas.ClustersTable, schemas.ItemClustersTable, schemas.ClusterModelTable,
		schemas.TransitionsTable, schemas.KeysTable, schemas.TrainingTable, schemas.ValidationTable, schemas.AlignmentTable,
		schemas.LookupTable, schemas.RejectsTable, schemas.ItemPolicyTable,
		schemas.RecommendationsTable, schemas.MetricsTable,
	}
}
