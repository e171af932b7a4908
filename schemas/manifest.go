package schemas

import "time"

// Manifest is _manifest.json: what one version of a table holds and where it
// came from. schema_version, table and parts are what a reader needs.
type Manifest struct {
	SchemaVersion int    `json:"schema_version"`
	Table         string `json:"table"`
	Version       string `json:"version"`
	Parts         []Part `json:"parts"`

	CreatedAt time.Time `json:"created_at"`
	// Parents are the versions of other tables that this one was made from,
	// by table name: "clusters": "v=20260102T030405.000Z".
	Parents map[string]string `json:"parents,omitempty"`
	Inputs  []Input           `json:"inputs,omitempty"`
	// Options are those that the content depends on, by flag name.
	Options map[string]string `json:"options,omitempty"`
	// Fingerprint identifies inputs, parents and options: the same
	// fingerprint, the same bytes.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Counts say what was read, dropped and written.
	Counts        map[string]int64   `json:"counts,omitempty"`
	Figures       map[string]float64 `json:"figures,omitempty"`
	Facts         map[string]string  `json:"facts,omitempty"`
	Model         string             `json:"model,omitempty"`
	PromptVersion string             `json:"prompt_version,omitempty"`
	// Refused says why a gate kept this version from being published.
	Refused string `json:"refused,omitempty"`
}

// Part is one file of a version.
type Part struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Input is a file that was read.
type Input struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	// Generation tells one content of a path from another: the store's
	// generation, or the time of the last change.
	Generation string `json:"generation,omitempty"`
	// Of is what it holds: "items" or "events".
	Of string `json:"of,omitempty"`
	// Format is how the file was found to be written: "CSV, gzip; times in
	// seconds since 1970".
	Format string `json:"format,omitempty"`
}

// Rows is the number of rows of all parts.
func (m Manifest) Rows() int64 {
	var n int64
	for _, p := range m.Parts {
		n += p.Rows
	}
	return n
}
