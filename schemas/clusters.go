package schemas

// Cluster is a row of clusters/: one node of the cluster tree. Rows are
// sorted by cluster_id.
type Cluster struct {
	// ClusterID is unique over all levels. Leaves are 0 … k−1 in a first
	// clustering; later ones keep ids, so there may be gaps.
	ClusterID int32 `parquet:"cluster_id"`
	// Level is 0 for the coarsest; every leaf stands at the last one.
	Level int32 `parquet:"level"`
	// ParentID is null at level 0.
	ParentID *int32 `parquet:"parent_id,optional"`
	// Description is the phrases, most telling first, joined by ", ". Unique
	// among the leaves; at other levels, unique within the level.
	Description string   `parquet:"description"`
	Phrases     []string `parquet:"phrases,list"`
	Items       int64    `parquet:"items"`
	// Traffic is the share of training events, in [0, 1]; it sums to 1 in a
	// level.
	Traffic float64 `parquet:"traffic"`
	// Centroid has unit length, in the embedding space of the clustering.
	Centroid []float32 `parquet:"centroid,list"`
}

// ItemCluster is a row of item_clusters/, sorted by item_id.
type ItemCluster struct {
	ItemID string `parquet:"item_id"`
	// ClusterID is a leaf.
	ClusterID int32 `parquet:"cluster_id"`
	// Similarity is the cosine of item and centroid, in [−1, 1].
	Similarity float32 `parquet:"similarity"`
}

// ModelEntry is a row of cluster_model/: what is needed to place an item
// that was not there at the fit. Rows are sorted by (kind, index).
type ModelEntry struct {
	// Kind is "term" (Name: the term, Value: its idf, Vector: its row of the
	// LSA basis), "centroid" (Index: the leaf, Value: its price, Vector: the
	// centroid) or "option" (Name and Value: one setting of the embedder).
	Kind   string    `parquet:"kind"`
	Index  int32     `parquet:"index"`
	Name   string    `parquet:"name"`
	Value  float64   `parquet:"value"`
	Vector []float32 `parquet:"vector,list"`
}
