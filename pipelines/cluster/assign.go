package cluster

import (
	"context"
	"fmt"
	"strconv"

	"foray/pipelines/job"
	"foray/schemas"
	"foray/transforms/clustering"
	"foray/transforms/store"
)

// assignTo finds the published clustering that items are assigned to, and the
// version of the fit that it came from. It must have been made from what these
// options make of items.
func (o *Options) assignTo(ctx context.Context, c *job.Command) (version, fit string, err error) {
	version, err = c.Current(ctx, schemas.ClustersTable)
	if err != nil {
		return "", "", err
	}
	m, err := store.ReadManifest(ctx, c.Bucket, schemas.ClustersTable, version)
	if err != nil {
		return "", "", &job.Exit{Code: job.Failed, Err: err}
	}
	was, flags := way(m.Options)
	if now, _ := way(job.Options(o.ItemOptions(), o.Embeddings.Options())); now != was {
		return "", "", job.UsageError("--assign_only: the clusters of %s were made from %s, and now items come with %s: %s, or cluster anew without --assign_only", version, was, now, flags)
	}
	if fit = m.Options[assignedTo]; fit == "" {
		fit = version
	}
	return version, fit, nil
}

// assignedTo is the option that names the fit of a clustering that items were
// assigned to.
const assignedTo = "assign_only"

// way says what a clustering was made from, by its options, and how to ask for
// the same.
func way(options map[string]string) (from, flags string) {
	if name := options["embed_model"]; name != "" {
		from, flags = "vectors of "+name, "give --embeddings=openai --embed_model="+name
		if dims := options["embed_dims"]; dims != "0" {
			from, flags = fmt.Sprintf("%s, %s floats each", from, dims), flags+" --embed_dims="+dims
		}
		return from, flags
	}
	if options["embedding_column"] != "" {
		return "vectors of a column", "name it with --embedding_column"
	}
	return "the words of their texts", "leave out --embedding_column and --embeddings"
}

// sayAssigned tells what an assignment did.
func sayAssigned(c *job.Command, version string, n map[string]int64) {
	c.Say("cluster: assigned to %s: %d items came, %d kept their cluster, %d are gone", version, n[clustering.ItemsCame], n[clustering.ItemsKept], n[clustering.ItemsGone])
	if empty := n[clustering.ClustersEmpty]; empty > 0 {
		c.Say("cluster: %d clusters have no item left: cluster with --previous, which fills them anew", empty)
	}
}

// made are the options of the clustering itself, for a manifest.
func (o *Options) made() map[string]string {
	made := map[string]string{"epsilon": strconv.FormatFloat(o.Epsilon, 'g', -1, 64)}
	if o.AssignOnly {
		return made
	}
	made["clusters"], made["levels"], made["phrases"] = strconv.Itoa(o.Clusters), strconv.Itoa(o.Levels), strconv.Itoa(o.Phrases)
	made["fit_sample"], made["seed"] = strconv.Itoa(o.FitSample), strconv.FormatUint(o.Seed, 10)
	return made
}
