package planning

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"foray/schemas"
	"foray/transforms/once"
)

// Decisions are what people have decided about plans.
type Decisions struct {
	// Coverage plans the keys with the most users, until they carry this
	// share of all users; 1, or 0 for unset, plans all.
	Coverage float64
	// Blocked clusters, sorted, are never planned.
	Blocked []int32
	// Overrides are a person's word for keys, sorted by key.
	Overrides []Override
}

// Override is a person's word for a key.
type Override struct {
	Key     []int32
	Cluster int32
}

// OverrideModel stands in the column model of an override's row.
const OverrideModel = "override"

// Options are the decisions as a manifest shows them.
func (d Decisions) Options() map[string]string {
	options := map[string]string{}
	if !d.covers() {
		options["key_coverage"] = strconv.FormatFloat(d.Coverage, 'g', -1, 64)
	}
	if len(d.Blocked) > 0 {
		options["block_clusters"] = fmt.Sprint(d.Blocked)
	}
	if len(d.Overrides) > 0 {
		options["overrides"] = fmt.Sprint(d.Overrides)
	}
	return options
}

// covers says that the coverage leaves no key out.
func (d Decisions) covers() bool { return d.Coverage == 0 || d.Coverage >= 1 }

// blocks tells whether a cluster is never to be planned.
func (d Decisions) blocks(cluster int32) bool {
	_, found := slices.BinarySearch(d.Blocked, cluster)
	return found
}

// allowed leaves the first n clusters that are not blocked.
func (d Decisions) allowed(candidates []schemas.Candidate, n int) []schemas.Candidate {
	if len(d.Blocked) > 0 {
		candidates = slices.DeleteFunc(candidates, func(c schemas.Candidate) bool { return d.blocks(c.Cluster) })
	}
	return candidates[:min(n, len(candidates))]
}

// decider gives what fills a row that no planner is asked for; false if one
// is.
func (cfg Config) decider(w *World) func(row *schemas.Lookup) bool {
	covered := func([]int32) bool { return true }
	if !cfg.covers() {
		covered = w.covered(cfg.Coverage)
	}
	return func(row *schemas.Lookup) bool {
		at, overridden := slices.BinarySearchFunc(cfg.Overrides, row.Key, func(o Override, key []int32) int { return slices.Compare(o.Key, key) })
		switch {
		case overridden:
			row.Model, row.PromptVersion, row.Samples = OverrideModel, "", 1
			row.Candidates = append(row.Candidates[:0], schemas.Candidate{Cluster: cfg.Overrides[at].Cluster, Votes: 1, Score: 1})
			FillRow(row, w)
		case !covered(row.Key):
			row.Status, row.NovelCluster, row.NovelDescription = schemas.StatusNotPlanned, nil, ""
			row.Model, row.PromptVersion, row.Votes, row.Samples, row.Candidates = "", "", 0, 0, row.Candidates[:0]
		default:
			return false
		}
		return true
	}
}

// coverageID is a coverage of a world.
type coverageID struct {
	world *World
	share float64
}

var coverages once.Cache[coverageID, func(key []int32) bool]

// covered tells which keys are among those with the most users that together
// carry a share of all. Of keys with as many users the lower goes first.
func (w *World) covered(share float64) func(key []int32) bool {
	covered, _ := coverages.Get(coverageID{w, share}, func() (func([]int32) bool, error) {
		byUsers := slices.Clone(w.traffic)
		slices.SortFunc(byUsers, func(a, b schemas.KeyTraffic) int {
			return cmp.Or(cmp.Compare(b.Users, a.Users), slices.Compare(a.Key, b.Key))
		})
		carried := int64(0)
		n := 0
		for ; n < len(byUsers) && float64(carried) < share*float64(w.users); n++ {
			carried += byUsers[n].Users
		}
		keys := byUsers[:n]
		slices.SortFunc(keys, func(a, b schemas.KeyTraffic) int { return slices.Compare(a.Key, b.Key) })
		return func(key []int32) bool {
			_, found := slices.BinarySearchFunc(keys, key, func(k schemas.KeyTraffic, key []int32) int { return slices.Compare(k.Key, key) })
			return found
		}, nil
	})
	return covered
}
