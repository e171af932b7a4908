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
	"foray/transforms/spill"
)

// ItemsSpec says where items are and what their columns are called.
type ItemsSpec struct {
	Pattern string
	Layout
	ID string
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
		columns = append(columns, Column{Flag: "text_columns", Name: name, Optional: spec.Texts == nil, use: asText})
	}
	if spec.Embedding != "" {
		columns = append(columns, Column{Flag: "embedding_column", Name: spec.Embedding, use: asVector})
	}
	s, err := Inspect(ctx, Spec{Flag: "items", Pattern: spec.Pattern, Layout: spec.Layout, Columns: columns}, func([][]byte) bool { return false })
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
	// Blocks are the items in blocks: PCollection<ItemBlock>.
	Blocks beam.PCollection
	// Entries tell what was read and rejected: PCollection<commit.Entry>.
	Entries beam.PCollection
}

// ItemsConfig says how items are read.
type ItemsConfig struct {
	Stage string
	// Output is where tables are, Version the one that is written.
	Output, Version string
	Source          ItemSource
	// Spill is a folder that all workers see, for blocks to wait in; "" where
	// there is none, and the blocks travel.
	Spill string
}

// ReadItems reads items into blocks.
func ReadItems(s beam.Scope, cfg ItemsConfig) ItemsResult {
	s = s.Scope("Read items")
	blocks, entries := beam.ParDo2(s, &itemsFn{Config: cfg}, beam.Reshuffle(s, beam.CreateList(s, numbers(cfg.Source.Splits))))
	return ItemsResult{Blocks: blocks, Entries: entries}
}

// Items are some items in the order of a file.
type Items struct {
	File  string
	Lines []int64
	IDs   []string
	// Texts are all text columns of an item, the title first.
	Texts []string
	// Vectors hold Dims floats an item; none without --embedding_column.
	Dims    int
	Vectors []float32
}

func init() {
	register.DoFn4x1[context.Context, int, func(ItemBlock), func(commit.Entry), error](&itemsFn{})
	register.Emitter1[ItemBlock]()
}

// blockItems bounds a block of items, in number and, by blockBytes, in size.
const (
	blockItems = 4096
	blockBytes = 1 << 20
)

// itemsFn reads one split into blocks.
type itemsFn struct {
	Config ItemsConfig
}

// The names of what reading items counts.
const (
	ItemRows         = "item_rows"
	ItemRowsRejected = "item_rows_rejected"
)

func (f *itemsFn) ProcessElement(ctx context.Context, split int, emit func(ItemBlock), entry func(commit.Entry)) error {
	source := f.Config.Source
	at := source.Splits[split]
	b := &itemBlocks{source: source, out: spill.NewWriter(f.Config.Spill), emit: emit}
	b.block.File = source.Files[at.File].Path
	rejects := commit.NewRejects(f.Config.Stage)
	read, rejected, err := source.eachItem(ctx, at, rejects, b.add)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		entry(commit.Fail(err))
	}
	b.flush()
	if err := errors.Join(b.trouble, b.out.Close()); err != nil {
		return err
	}
	kept, err := rejects.Close(ctx, f.Config.Output, f.Config.Version, fmt.Sprintf("items-%06d", split))
	if err != nil {
		return err
	}
	entry(kept)
	entry(commit.Count(map[string]int64{ItemRows: read, ItemRowsRejected: rejected}))
	return nil
}

// item is one row of an input of items.
type item struct {
	line      int64
	id        []byte
	texts     [][]byte
	embedding []float32
}

// eachItem calls use for every item of a split. An error of use rejects it.
func (s ItemSource) eachItem(ctx context.Context, at Split, rejects *commit.Rejects, use func(item) error) (rows, rejected int64, err error) {
	if s.Files[at.File].Format == Parquet {
		return s.parquetItems(ctx, at, rejects, use)
	}
	r, err := s.eachRow(ctx, at, ItemRowsRejected, rejects, func(r *rowReader) error {
		it := item{line: r.Line, id: r.Row[0], texts: r.Row[1 : 1+s.Texts]}
		if s.Embedding {
			vector, err := fields.Floats(r.Row[1+s.Texts])
			if err != nil {
				return &columnError{1 + s.Texts, err}
			}
			it.embedding = vector
		}
		return use(it)
	})
	return r.Read, r.Rejected, err
}

// itemBlocks packs items into blocks.
type itemBlocks struct {
	source ItemSource
	out    *spill.Writer
	emit   func(ItemBlock)
	block  Items
	size   int
	// trouble is what went wrong with a block that was put on its way.
	trouble error
}

var (
	errNoID   = errors.New("the item id is empty: give every item an id")
	errNoText = errors.New("the item has no text in any of its text columns: give it a title, or leave it out")
)

// add takes one item; an error says why it is none.
func (b *itemBlocks) add(it item) error {
	if len(it.id) == 0 {
		return &columnError{0, errNoID}
	}
	if err := fields.CheckUTF8(it.id); err != nil {
		return &columnError{0, err}
	}
	for i, text := range it.texts {
		if err := fields.CheckUTF8(text); err != nil {
			return &columnError{1 + i, err}
		}
	}
	text, err := fields.JoinTexts(it.texts)
	if err != nil {
		return err
	}
	if text == "" && !b.source.Embedding {
		return errNoText
	}
	if b.source.Embedding {
		// A length of its own ends the block: which length is right, only
		// all items together tell.
		if len(b.block.IDs) > 0 && len(it.embedding) != b.block.Dims {
			b.flush()
		}
		b.block.Dims = len(it.embedding)
		b.block.Vectors = append(b.block.Vectors, it.embedding...)
	}
	b.block.Lines = append(b.block.Lines, it.line)
	b.block.IDs = append(b.block.IDs, string(it.id))
	b.block.Texts = append(b.block.Texts, text)
	b.size += len(it.id) + len(text) + 4*b.block.Dims
	if b.size > blockBytes || len(b.block.IDs) == blockItems {
		b.flush()
	}
	return nil
}

func (b *itemBlocks) flush() {
	if len(b.block.IDs) == 0 || b.trouble != nil {
		return
	}
	var packed ItemBlock
	if packed, b.trouble = b.block.Pack(b.out); b.trouble == nil {
		b.emit(packed)
	}
	b.block, b.size = Items{File: b.block.File}, 0
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
