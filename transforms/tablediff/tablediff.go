// Package tablediff compares two versions of the lookup table key by key: what
// people would be shown otherwise if one took the other's place.
package tablediff

import (
	"cmp"
	"slices"

	"foray/schemas"
)

// The kinds of change of a key, in the order of Diff.Changes.
const (
	Same    = "same plan"
	Other   = "other plan"
	Gained  = "plan gained" // none before
	Lost    = "plan lost"   // none any more
	Neither = "no plan"     // neither before nor after
	Added   = "key added"   // not in the table before
	Removed = "key removed" // not in the table any more
)

var kinds = []string{Same, Other, Gained, Lost, Neither, Added, Removed}

// Diff is what lies between two tables.
type Diff struct {
	// Changes count keys by kind, all kinds, in a fixed order.
	Changes []Change `json:"changes"`
	// Agreement is the share of the keys with a plan in both that keep it, and
	// AgreementByTraffic the same of their users; in [0, 1], 0 without such
	// keys.
	Agreement          float64 `json:"agreement"`
	AgreementByTraffic float64 `json:"agreement_by_traffic"`
	// Clusters are those whose number of plans changed, by how much.
	Clusters []Cluster `json:"clusters"`
	// Samples are changed keys, those with the most users first.
	Samples []Sample `json:"samples"`
}

// Change counts the keys of one kind.
type Change struct {
	Kind string `json:"kind"`
	Keys int64  `json:"keys"`
	// Traffic is the share of users who stand at these keys, in the table
	// after; of removed keys, before.
	Traffic float64 `json:"traffic"`
}

// Cluster tells how many keys plan one.
type Cluster struct {
	Cluster int32 `json:"cluster"`
	Before  int64 `json:"keys_before"`
	After   int64 `json:"keys_after"`
	// Gained is the share of users who would be planned it less the share who
	// were.
	Gained float64 `json:"traffic_gained"`
}

// Sample is one key that changed. Plans are nil where there are none.
type Sample struct {
	Kind    string  `json:"kind"`
	Key     []int32 `json:"key"`
	Before  *int32  `json:"before"`
	After   *int32  `json:"after"`
	Traffic float64 `json:"traffic"`
}

// Compare compares rows sorted by key, and keeps so many samples.
func Compare(before, after []schemas.Lookup, samples int) Diff {
	d := Diff{Changes: make([]Change, len(kinds)), Clusters: []Cluster{}, Samples: []Sample{}}
	for i, kind := range kinds {
		d.Changes[i].Kind = kind
	}
	clusters := map[int32]*Cluster{}
	of := func(id int32) *Cluster {
		if clusters[id] == nil {
			clusters[id] = &Cluster{Cluster: id}
		}
		return clusters[id]
	}
	walk(before, after, func(a, b *schemas.Lookup) {
		s := change(a, b)
		c := &d.Changes[slices.Index(kinds, s.Kind)]
		c.Keys++
		c.Traffic += s.Traffic
		if s.Before != nil {
			of(*s.Before).Before++
			of(*s.Before).Gained -= s.Traffic
		}
		if s.After != nil {
			of(*s.After).After++
			of(*s.After).Gained += s.Traffic
		}
		if s.Kind != Same && s.Kind != Neither {
			d.Samples = keep(d.Samples, s, samples)
		}
	})
	same, other := d.Changes[0], d.Changes[1]
	if n := same.Keys + other.Keys; n > 0 {
		d.Agreement = float64(same.Keys) / float64(n)
	}
	if users := same.Traffic + other.Traffic; users > 0 {
		d.AgreementByTraffic = same.Traffic / users
	}
	for _, c := range clusters {
		if c.Before != c.After {
			d.Clusters = append(d.Clusters, *c)
		}
	}
	slices.SortFunc(d.Clusters, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(abs(b.After-b.Before), abs(a.After-a.Before)), cmp.Compare(a.Cluster, b.Cluster))
	})
	return d
}

// walk visits every key of both tables once, with nil for a row that is
// missing.
func walk(before, after []schemas.Lookup, visit func(a, b *schemas.Lookup)) {
	for i, j := 0, 0; i < len(before) || j < len(after); {
		order := 0
		switch {
		case i == len(before):
			order = 1
		case j == len(after):
			order = -1
		default:
			order = slices.Compare(before[i].Key, after[j].Key)
		}
		var a, b *schemas.Lookup
		if order <= 0 {
			a = &before[i]
			i++
		}
		if order >= 0 {
			b = &after[j]
			j++
		}
		visit(a, b)
	}
}

func change(a, b *schemas.Lookup) Sample {
	switch {
	case a == nil:
		return Sample{Added, b.Key, nil, b.NovelCluster, b.Traffic}
	case b == nil:
		return Sample{Removed, a.Key, a.NovelCluster, nil, a.Traffic}
	}
	s := Sample{Key: b.Key, Before: a.NovelCluster, After: b.NovelCluster, Traffic: b.Traffic}
	switch {
	case s.Before == nil && s.After == nil:
		s.Kind = Neither
	case s.Before == nil:
		s.Kind = Gained
	case s.After == nil:
		s.Kind = Lost
	case *s.Before != *s.After:
		s.Kind = Other
	default:
		s.Kind = Same
	}
	return s
}

// keep keeps the most samples with the most users; of equal ones the first.
func keep(samples []Sample, s Sample, most int) []Sample {
	at := len(samples)
	for at > 0 && samples[at-1].Traffic < s.Traffic {
		at--
	}
	if at >= most {
		return samples
	}
	samples = slices.Insert(samples, at, s)
	return samples[:min(len(samples), most)]
}

func abs(n int64) int64 { return max(n, -n) }
