package read

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"foray/transforms/commit"
	"foray/transforms/fields"
)

// ItemsSpec says where items are and what their columns are called.
type ItemsSpec struct {
	Pattern, Delimiter string
	NoHeader           bool
	ID                 string
	// Texts are the columns that say what an item is; nil takes those of
	// title, description and category that exist.
	Texts []string
	// Embedding is a column of floats, "" for none.
	Embedding string
}

// ItemSource is an inspected input of items.
type ItemSource struct {
	Source
	// Texts is the number of text columns; they stand behind the id.
	Texts     int
	Embedding bool
}

// defaultTexts are the text columns where none are named.
var defaultTexts = []string{"title", "description", "category"}

// InspectItems finds the files of items and resolves their columns.
func InspectItems(ctx context.Context, spec ItemsSpec) (ItemSource, error) {
	columns := []Column{{Flag: "item_id_column", Name: spec.ID}}
	named := spec.Texts
	if named == nil {
		named = defaultTexts
	}
	for _, name := range named {
		columns = append(columns, Column{Flag: "text_columns", Name: name, Optional: spec.Texts == nil})
	}
	if spec.Embedding != "" {
		columns = append(columns, Column{Flag: "embedding_column", Name: spec.Embedding})
	}
	s, err := Inspect(ctx, Spec{Flag: "items", Pattern: spec.Pattern, Delimiter: spec.Delimiter, NoHeader: spec.NoHeader, Columns: columns}, func([][]byte) bool { return false })
	if err != nil {
		return ItemSource{}, err
	}
	for _, f := range s.Files {
		if spec.Texts == nil && !slices.ContainsFunc(f.Columns[1:1+len(named)], func(at int) bool { return at >= 0 }) {
			return ItemSource{}, optionError("%s: has none of the columns %s: name those that say what an item is with --text_columns", f.Path, strings.Join(defaultTexts, ", "))
		}
	}
	return ItemSource{Source: s, Texts: len(named), Embedding: spec.Embedding != ""}, nil
}

// ItemsResult is what ReadItems gives.
type ItemsResult struct {
	// Blocks are the items in blocks: PCollection<Items>.
	Blocks beam.PCollection
	// Entries tell what was read and rejected: PCollection<commit.Entry>.
	Entries beam.PCollection
}

// ReadItems reads items into blocks, a file at a time.
func ReadItems(s beam.Scope, stage string, source ItemSource) ItemsResult {
	s = s.Scope("Read items")
	files := make([]int, len(source.Files))
	for i := range files {
		files[i] = i
	}
	blocks, entries := beam.ParDo2(s, &itemsFn{Stage: stage, Source: source}, beam.Reshuffle(s, beam.CreateList(s, files)))
	return ItemsResult{Blocks: blocks, Entries: entries}
}

// blockItems bounds a block of items, in number and, by blockBytes, in size.
const (
	blockItems = 4096
	blockBytes = 1 << 20
)

// itemsFn reads one file into blocks.
type itemsFn struct {
	Stage  string
	Source ItemSource
}

func init() {
	register.DoFn4x1[context.Context, int, func(Items), func(commit.Entry), error](&itemsFn{})
	register.Emitter1[Items]()
}

var errNoID = errors.New("the item id is empty: give every item an id")

func (f *itemsFn) ProcessElement(ctx context.Context, file int, emit func(Items), entry func(commit.Entry)) error {
	source := f.Source.Files[file]
	block := Items{File: source.Path}
	size := 0
	rows, err := eachRow(ctx, f.Stage, source, entry, func(r *rowReader) error {
		n, err := block.add(r, f.Source)
		if err != nil {
			return err
		}
		if size += n; size > blockBytes || len(block.IDs) == blockItems {
			emit(block)
			block, size = Items{File: source.Path}, 0
		}
		return nil
	})
	if err != nil {
		if rows == nil || ctx.Err() != nil {
			return err
		}
		entry(commit.Fail(err))
	}
	if len(block.IDs) > 0 {
		emit(block)
	}
	entry(commit.Count(map[string]int64{"item_rows": rows.Read, "item_rows_rejected": rows.Rejected, "item_files": 1}))
	return nil
}

// add takes one row and tells how many bytes it takes.
func (b *Items) add(r *rowReader, source ItemSource) (int, error) {
	id := string(r.Row[0])
	if id == "" {
		return 0, errNoID
	}
	columns := r.Row[1 : 1+source.Texts]
	text, err := fields.JoinTexts(columns)
	if err != nil {
		return 0, err
	}
	if err := fields.CheckUTF8(r.Row[0]); err != nil {
		return 0, err
	}
	if source.Embedding {
		vector, err := fields.Floats(r.Row[1+source.Texts])
		if err != nil {
			return 0, err
		}
		if b.Dims == 0 {
			b.Dims = len(vector)
		}
		if len(vector) != b.Dims {
			return 0, fmt.Errorf("the embedding has %d floats, those before it %d: give all items as many", len(vector), b.Dims)
		}
		b.Vectors = append(b.Vectors, vector...)
	}
	title, err := firstText(columns)
	if err != nil {
		return 0, err
	}
	b.Lines = append(b.Lines, r.Line)
	b.IDs = append(b.IDs, id)
	b.Titles = append(b.Titles, title)
	b.Texts = append(b.Texts, text)
	return len(id) + len(title) + len(text) + 4*b.Dims, nil
}

// firstText is an item's title: the first text column that is not empty.
func firstText(columns [][]byte) (string, error) {
	for _, c := range columns {
		if text, err := fields.Text(c); err != nil || text != "" {
			return text, err
		}
	}
	return "", nil
}
