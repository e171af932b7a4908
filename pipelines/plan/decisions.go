package plan

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/keyspace"
	"foray/transforms/planning"
)

// decisions reads what people have decided about plans.
func (o *Options) decisions(leaves []schemas.Cluster, space *keyspace.Space) (d planning.Decisions, err error) {
	d.Coverage = o.KeyCoverage
	if d.Coverage > 0 && d.Coverage < 1 && o.From.Keys == "" {
		return d, job.UsageError("--key_coverage=%g: nothing tells which keys users have: run foray curate first", d.Coverage)
	}
	clusters := namesOf(leaves)
	if o.BlockFile != "" {
		if d.Blocked, err = readBlocked(o.BlockFile, clusters); err != nil {
			return d, job.UsageError("--block_clusters=%s%w", o.BlockFile, err)
		}
		if len(leaves)-len(d.Blocked) <= space.K() {
			return d, job.UsageError("--block_clusters=%s: blocks %d of %d clusters, and leaves none that is novel to a key of %d", o.BlockFile, len(d.Blocked), len(leaves), space.K())
		}
	}
	if o.OverrideFile != "" {
		if d.Overrides, err = readOverrides(o.OverrideFile, clusters, o.History, o.KeyOrder); err != nil {
			return d, job.UsageError("--overrides=%s%w", o.OverrideFile, err)
		}
	}
	return d, nil
}

// names finds leaves by id or description.
type names map[string]int32

func namesOf(leaves []schemas.Cluster) names {
	n := names{}
	for _, c := range leaves {
		n[strconv.Itoa(int(c.ClusterID))] = c.ClusterID
		n[strings.ToLower(c.Description)] = c.ClusterID
	}
	return n
}

func (n names) find(name string) (int32, error) {
	id, ok := n[strings.ToLower(strings.TrimSpace(name))]
	if !ok {
		return 0, fmt.Errorf("%q is no cluster: give the id or the whole description of a leaf (see clusters/)", name)
	}
	return id, nil
}

// readBlocked reads a cluster a line: its id or its description. Lines that
// start with # are comments.
func readBlocked(path string, clusters names) ([]int32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	var blocked []int32
	for i, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := clusters.find(line)
		if err != nil {
			return nil, fmt.Errorf(":%d: %w", i+1, err)
		}
		blocked = append(blocked, id)
	}
	slices.Sort(blocked)
	return slices.Compact(blocked), nil
}

// readOverrides reads CSV without a header: the clusters of a key, oldest
// first, and the cluster to plan, each by its id or its description. Lines
// that start with # are comments.
func readOverrides(path string, clusters names, k int, order keyspace.Order) ([]planning.Override, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', -1, true
	var overrides []planning.Override
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf(": %w", err)
		}
		line, _ := r.FieldPos(0)
		o, err := override(row, clusters, k, order)
		if err != nil {
			return nil, fmt.Errorf(":%d: %w", line, err)
		}
		overrides = append(overrides, o)
	}
	slices.SortStableFunc(overrides, func(a, b planning.Override) int { return slices.Compare(a.Key, b.Key) })
	for i := 1; i < len(overrides); i++ {
		if slices.Equal(overrides[i-1].Key, overrides[i].Key) {
			return nil, fmt.Errorf(": has the key %v twice: give each once", overrides[i].Key)
		}
	}
	return overrides, nil
}

func override(row []string, clusters names, k int, order keyspace.Order) (planning.Override, error) {
	if len(row) != k+1 {
		return planning.Override{}, fmt.Errorf("has %d columns, want the %d clusters of a key and the one to plan", len(row), k)
	}
	var ids []int32
	for _, name := range row {
		id, err := clusters.find(name)
		if err != nil {
			return planning.Override{}, err
		}
		if slices.Contains(ids, id) {
			return planning.Override{}, fmt.Errorf("has cluster %d twice: a key has distinct clusters, and the one to plan is novel", id)
		}
		ids = append(ids, id)
	}
	if order == keyspace.Set {
		slices.Sort(ids[:k])
	}
	return planning.Override{Key: ids[:k], Cluster: ids[k]}, nil
}
