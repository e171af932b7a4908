package read

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"foray/transforms/delimited"
)

// Format is how a file's rows are written.
type Format string

// The formats. CSV and TSV are told apart by their delimiter alone.
const (
	Delimited Format = "delimited"
	JSONL     Format = "jsonl"
	Parquet   Format = "parquet"
)

// InputFormats are the values of --input_format.
var InputFormats = []string{"csv", "tsv", "jsonl", "parquet"}

// Compression is what a file is packed with.
type Compression string

// The ways of packing.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// The first bytes of files.
var (
	gzipMagic    = []byte{0x1f, 0x8b}
	zstdMagic    = []byte{0x28, 0xb5, 0x2f, 0xfd}
	parquetMagic = []byte("PAR1")
	utf8Mark     = []byte("\xef\xbb\xbf")
)

// compressionOf tells by the extension, else by the first bytes.
func compressionOf(name string, head []byte) Compression {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return Gzip
	case strings.HasSuffix(name, ".zst"):
		return Zstd
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip
	case bytes.HasPrefix(head, zstdMagic):
		return Zstd
	}
	return Plain
}

// formatOf tells by --input_format, else by the extension, else by the head of
// the (unpacked) content.
func formatOf(asked, name string, head []byte) Format {
	switch asked {
	case "csv", "tsv":
		return Delimited
	case "jsonl":
		return JSONL
	case "parquet":
		return Parquet
	}
	switch extension(name) {
	case ".csv", ".tsv", ".tab":
		return Delimited
	case ".jsonl", ".ndjson":
		return JSONL
	case ".parquet", ".pq":
		return Parquet
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, utf8Mark), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, parquetMagic):
		return Parquet
	case bytes.HasPrefix(text, []byte("{")), extension(name) == ".json":
		return JSONL
	}
	return Delimited
}

// extension is a name's, less that of the packing.
func extension(name string) string {
	return strings.ToLower(path.Ext(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")))
}

// delimiterOf tells by --input_format, else by the extension, else by the
// content.
func delimiterOf(asked, name string, head []byte) string {
	switch ext := extension(name); {
	case asked == "tsv", asked == "" && (ext == ".tsv" || ext == ".tab"):
		return "\t"
	case asked == "csv", ext == ".csv":
		// Spreadsheets write .csv with semicolons where commas are decimal.
		if d, ok := delimited.Sniff(head); ok && slices.Contains([]string{",", ";"}, d) {
			return d
		}
		return ","
	}
	if d, ok := delimited.Sniff(head); ok {
		return d
	}
	return ","
}

// Described is a file's format in words: "CSV", `delimited by "::", gzip`.
func (f File) Described() string {
	words := map[Format]string{JSONL: "JSON Lines", Parquet: "Parquet"}[f.Format]
	if f.Format == Delimited {
		switch f.Delimiter {
		case ",":
			words = "CSV"
		case "\t":
			words = "TSV"
		default:
			words = fmt.Sprintf("delimited by %q", f.Delimiter)
		}
		if f.NoHeader {
			words += " without header"
		}
	}
	if f.Compression != Plain {
		words += ", " + string(f.Compression)
	}
	return words
}
