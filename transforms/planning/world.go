package planning

import (
	"context"
	"slices"

	"foray/schemas"
	"foray/transforms/keyspace"
	"foray/transforms/once"
	"foray/transforms/planner"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// Versions pins what a lookup table is made from. Transitions and Keys are
// empty where nothing was curated.
type Versions struct {
	Clusters, Transitions, Keys string
}

// World is what the shards of one process share.
type World struct {
	planner.World
	Space *keyspace.Space
	// Descriptions are the leaves', in the order of Leaves.
	Descriptions []string
	// traffic holds the share of users of the keys that have any, sorted by key.
	traffic []schemas.KeyTraffic
	users   int64
}

// worldID is what a World depends on.
type worldID struct {
	output string
	from   Versions
	k      int
	order  keyspace.Order
	seed   uint64
}

var worlds once.Cache[worldID, *World]

// LoadWorld reads what planners know, at the first call in this process only.
func LoadWorld(ctx context.Context, cfg Config) (*World, error) {
	return worlds.Get(worldID{cfg.Output, cfg.From, cfg.K, cfg.Order, cfg.Seed}, func() (*World, error) {
		return loadWorld(context.WithoutCancel(ctx), cfg)
	})
}

func loadWorld(ctx context.Context, cfg Config) (*World, error) {
	b, err := store.Open(ctx, cfg.Output)
	if err != nil {
		return nil, err
	}
	w := &World{World: planner.World{Seed: cfg.Seed}}
	clusters, _, err := tables.Read[schemas.Cluster](ctx, b, schemas.ClustersTable, cfg.From.Clusters)
	if err != nil {
		return nil, err
	}
	w.Leaves = Leaves(clusters)
	var ids []int32
	for _, c := range w.Leaves {
		ids = append(ids, c.ClusterID)
		w.Descriptions = append(w.Descriptions, c.Description)
	}
	if w.Space, err = keyspace.New(ids, cfg.K, cfg.Order); err != nil {
		return nil, err
	}
	if v := cfg.From.Transitions; v != "" {
		if w.Transitions, _, err = tables.ReadKeyed[schemas.Transition](ctx, b, schemas.TransitionsTable, v); err != nil {
			return nil, err
		}
	}
	if v := cfg.From.Keys; v != "" {
		if w.traffic, _, err = tables.ReadKeyed[schemas.KeyTraffic](ctx, b, schemas.KeysTable, v); err != nil {
			return nil, err
		}
		for _, k := range w.traffic {
			w.users += k.Users
		}
	}
	return w, nil
}

// Leaves are the rows of the last level, sorted by id.
func Leaves(clusters []schemas.Cluster) []schemas.Cluster {
	last := int32(0)
	for _, c := range clusters {
		last = max(last, c.Level)
	}
	var leaves []schemas.Cluster
	for _, c := range clusters {
		if c.Level == last {
			leaves = append(leaves, c)
		}
	}
	slices.SortFunc(leaves, func(a, b schemas.Cluster) int { return int(a.ClusterID) - int(b.ClusterID) })
	return leaves
}

// Traffic is the share of users whose key this is.
func (w *World) Traffic(key []int32) float64 {
	i, ok := slices.BinarySearchFunc(w.traffic, key, func(k schemas.KeyTraffic, key []int32) int { return slices.Compare(k.Key, key) })
	if !ok || w.users == 0 {
		return 0
	}
	return float64(w.traffic[i].Users) / float64(w.users)
}

// Describe is the description of a leaf.
func (w *World) Describe(id int32) string {
	i, ok := slices.BinarySearchFunc(w.Leaves, id, func(c schemas.Cluster, id int32) int { return int(c.ClusterID) - int(id) })
	if !ok {
		return ""
	}
	return w.Descriptions[i]
}

// Observed lists, sorted, the keys that some user had at the cut or before a
// transition.
func (w *World) Observed() [][]int32 {
	var keys [][]int32
	for _, k := range w.traffic {
		keys = append(keys, k.Key)
	}
	for i, t := range w.Transitions {
		if i == 0 || !slices.Equal(t.Key, w.Transitions[i-1].Key) {
			keys = append(keys, t.Key)
		}
	}
	slices.SortFunc(keys, slices.Compare)
	return slices.CompactFunc(keys, slices.Equal)
}

// Words are the descriptions of a key's clusters.
func (w *World) Words(key []int32) []string {
	out := make([]string, len(key))
	for i, c := range key {
		out[i] = w.Describe(c)
	}
	return out
}
