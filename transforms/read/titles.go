package read

import (
	"context"

	"foray/transforms/commit"
)

// Titles replaces the values of a map from item ids by the items' titles,
// where they have one.
func Titles(ctx context.Context, source ItemSource, titles map[string]string) error {
	for _, f := range source.Files {
		_, err := eachRow(ctx, "", f, func(commit.Entry) {}, func(r *rowReader) error {
			id := string(r.Row[0])
			if _, ok := titles[id]; !ok {
				return nil
			}
			title, err := firstText(r.Row[1 : 1+source.Texts])
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
