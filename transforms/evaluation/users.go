package evaluation

import (
	"context"
	"slices"

	"foray/schemas"
	"foray/transforms/once"
	"foray/transforms/partition"
	"foray/transforms/planning"
	"foray/transforms/read"
	"foray/transforms/report"
	"foray/transforms/store"
	"foray/transforms/tables"
)

// pageUsers is how many users the page shows.
const pageUsers = 10

// shownUsers are the users that the page shows: the first of the
// recommendations, by part and id, that have something to explore.
type shownUsers struct {
	slates [][]schemas.Recommendation
	hashes map[int64]bool
}

var shown once.Cache[[2]string, *shownUsers] // by output and version

func loadShown(ctx context.Context, cfg Config) (*shownUsers, error) {
	version := cfg.Report.Recommendations
	if version == "" {
		return &shownUsers{}, nil
	}
	return shown.Get([2]string{cfg.Output, version}, func() (*shownUsers, error) {
		return readShown(context.WithoutCancel(ctx), cfg.Output, version)
	})
}

func readShown(ctx context.Context, output, version string) (*shownUsers, error) {
	b, err := store.Open(ctx, output)
	if err != nil {
		return nil, err
	}
	u := &shownUsers{hashes: map[int64]bool{}}
	m, err := store.ReadManifest(ctx, b, schemas.RecommendationsTable, version)
	if err != nil {
		return nil, err
	}
	for _, part := range m.Parts {
		if len(u.slates) == pageUsers {
			break
		}
		data, err := store.ReadPart(ctx, b, schemas.RecommendationsTable, version, part)
		if err != nil {
			return nil, err
		}
		rows, err := tables.Decode[schemas.Recommendation](data)
		if err != nil {
			return nil, err
		}
		u.add(rows)
	}
	return u, nil
}

// add takes the users of one part, sorted by user and rank.
func (u *shownUsers) add(rows []schemas.Recommendation) {
	for i := 0; i < len(rows) && len(u.slates) < pageUsers; {
		j := i
		for j < len(rows) && rows[j].UserID == rows[i].UserID {
			j++
		}
		if slices.ContainsFunc(rows[i:j], func(r schemas.Recommendation) bool { return r.Source == schemas.SourceExplore }) {
			u.slates = append(u.slates, rows[i:j])
			u.hashes[partition.HashUser(rows[i].UserID)] = true
		}
		i = j
	}
}

// users puts them into words.
func users(ctx context.Context, cfg Config, w *planning.World, keys map[int64][]int32, d *report.Data) error {
	u, err := loadShown(ctx, cfg)
	if err != nil {
		return err
	}
	titles := map[string]string{}
	for _, slate := range u.slates {
		for _, r := range slate {
			titles[r.ItemID] = r.ItemID
		}
	}
	if err := read.Titles(ctx, cfg.Report.Items, titles); err != nil {
		return err
	}
	for _, slate := range u.slates {
		user := report.User{Name: slate[0].UserID, Key: w.Words(keys[partition.HashUser(slate[0].UserID)])}
		for _, r := range slate {
			description := w.Describe(r.ClusterID)
			user.Items = append(user.Items, report.Item{Title: titles[r.ItemID], Cluster: description, Source: r.Source})
			if r.Source == schemas.SourceExplore && !slices.Contains(user.Planned, description) {
				user.Planned = append(user.Planned, description)
			}
		}
		d.Users = append(d.Users, user)
	}
	return nil
}
