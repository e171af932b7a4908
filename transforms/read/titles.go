package read

import (
	"context"

	"foray/transforms/commit"
)

// Titles replaces the values of a map from item ids by the items' titles,
// where they have one.
func Titles(ctx context.Context, source ItemSource, titles map[string]string) error {
	for _, at := range source.Splits {
		_, _, err := source.eachItem(ctx, at, commit.NewRejects(""), func(it item) error {
			id := string(it.id)
			if _, ok := titles[id]; !ok {
				return nil
			}
			title, err := firstText(it.texts)
			if err != nil || title == "" {
				return err
			}
			titles[id] = title
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
