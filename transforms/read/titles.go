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
			for _, text := range r.Row[1 : 1+source.Texts] {
				if len(text) > 0 {
					titles[id] = string(text)
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
