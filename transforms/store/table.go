package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"foray/schemas"
)

const (
	manifestName = "_manifest.json"
	successName  = "_SUCCESS"
	currentName  = "CURRENT"
	versionMark  = "v="
)

// NewVersion names the version that a command starting at t writes.
func NewVersion(t time.Time) string {
	return versionMark + t.UTC().Format("20060102T150405.000Z")
}

// PartName names one part of n, counted from 0, with an extension such as
// ".parquet".
func PartName(i, n int, ext string) string {
	return fmt.Sprintf("part-%05d-of-%05d%s", i, n, ext)
}

// Current reads a table's pointer. A table that was never published is
// ErrNotExist.
func Current(ctx context.Context, b Bucket, table string) (version string, err error) {
	data, err := Read(ctx, b, path.Join(table, currentName))
	if err != nil {
		if errors.Is(err, ErrNotExist) {
			return "", fmt.Errorf("%s holds no published version: %w", b.URL(table), ErrNotExist)
		}
		return "", err
	}
	version = strings.TrimSpace(string(data))
	if !validVersion(version) {
		return "", fmt.Errorf("%s should name a version such as %sYYYYMMDDThhmmss.000Z, not %q", b.URL(path.Join(table, currentName)), versionMark, version)
	}
	return version, nil
}

func validVersion(v string) bool {
	return strings.HasPrefix(v, versionMark) && !strings.ContainsAny(v, "/\\\n") && len(v) < 100
}

// Point moves a table's pointer to version, which must be finished.
func Point(ctx context.Context, b Bucket, table, version string) error {
	if _, err := ReadManifest(ctx, b, table, version); err != nil {
		return err
	}
	// Two publishers must not lose one another's word without noticing.
	for range 5 {
		when := IfAbsent
		if info, err := b.Stat(ctx, path.Join(table, currentName)); err == nil {
			when = IfGeneration(info.Generation)
		} else if !errors.Is(err, ErrNotExist) {
			return err
		}
		err := b.Put(ctx, path.Join(table, currentName), when, writeAll([]byte(version+"\n")))
		if !errors.Is(err, ErrPrecondition) {
			return err
		}
	}
	return fmt.Errorf("publish %s: other runs keep moving %s; let one of them finish", version, b.URL(path.Join(table, currentName)))
}

// ReadManifest reads the manifest of a finished version.
func ReadManifest(ctx context.Context, b Bucket, table, version string) (schemas.Manifest, error) {
	var m schemas.Manifest
	if !validVersion(version) {
		return m, fmt.Errorf("%q is no version of %s: a version looks like %sYYYYMMDDThhmmss.000Z", version, table, versionMark)
	}
	dir := path.Join(table, version)
	if _, err := b.Stat(ctx, path.Join(dir, successName)); err != nil {
		if errors.Is(err, ErrNotExist) {
			return m, fmt.Errorf("%s is not a finished version of %s: %w", b.URL(dir), table, ErrNotExist)
		}
		return m, err
	}
	data, err := Read(ctx, b, path.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s is damaged: %w", b.URL(path.Join(dir, manifestName)), err)
	}
	if m.SchemaVersion < 1 || m.Table != table || m.Version != version {
		return m, fmt.Errorf("%s is damaged: it describes %q of table %q in schema version %d", b.URL(path.Join(dir, manifestName)), m.Version, m.Table, m.SchemaVersion)
	}
	if m.SchemaVersion > schemas.Version {
		return m, fmt.Errorf("%s has schema version %d, this program reads up to %d: use a newer build of Foray", b.URL(dir), m.SchemaVersion, schemas.Version)
	}
	return m, nil
}

// WriteManifest finishes a version: the manifest, then the mark of success.
func WriteManifest(ctx context.Context, b Bucket, m schemas.Manifest) error {
	dir := path.Join(m.Table, m.Version)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := Write(ctx, b, path.Join(dir, manifestName), append(data, '\n')); err != nil {
		return err
	}
	return Write(ctx, b, path.Join(dir, successName), nil)
}

// Versions lists the finished versions of a table, oldest first.
func Versions(ctx context.Context, b Bucket, table string) ([]string, error) {
	infos, err := b.List(ctx, table+"/"+versionMark)
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, info := range infos {
		rest := strings.TrimPrefix(info.Name, table+"/")
		if v, file, ok := strings.Cut(rest, "/"); ok && file == successName {
			versions = append(versions, v)
		}
	}
	return versions, nil
}

// ReadPart reads one part of a version and holds it against the manifest's
// size and hash.
func ReadPart(ctx context.Context, b Bucket, table, version string, p schemas.Part) ([]byte, error) {
	name := path.Join(table, version, p.Name)
	data, err := Read(ctx, b, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if int64(len(data)) != p.Bytes || hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%s is not the file that its manifest describes (%d bytes with sha256 %x; want %d bytes with %s): restore it, or make the table again",
			b.URL(name), len(data), sum, p.Bytes, p.SHA256)
	}
	return data, nil
}

func writeAll(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}
